//! Read, write and strip one member of a W3C `baggage` header; everything else byte for byte.
//!
//! Baggage has no quoting (W3C Baggage section 3.3.1), so a comma always ends a piece. A piece is
//! *ours* when, after leading white space, it is the key, optional white space and `=`. What is not
//! ours is never parsed, only kept.

const std = @import("std");
const Allocator = std.mem.Allocator;
const LaneSet = @import("lanes.zig").LaneSet;
const scan = @import("scan.zig");

pub const ows = " \t";

/// What one pass over a `baggage` value found.
pub const Reading = struct {
    text: []const u8 = "",
    pieces: usize = 0,
    /// Pieces of ours, and how many of them hold a lane of the set.
    ours: usize = 0,
    valid: usize = 0,
    /// The last valid one's lane: what OpenTelemetry SDKs take.
    lane: ?[]const u8 = null,
};

/// Every piece that is not ours, joined with `,`, the whole trimmed; and how many they are.
pub const Rest = struct {
    text: []const u8,
    pieces: usize,
};

pub const Member = struct {
    key: []const u8,

    pub fn read(member: Member, lanes: *const LaneSet, baggage: []const u8) Reading {
        var reading: Reading = .{ .text = baggage };
        // Nothing at all is no piece, not even an empty one.
        if (baggage.len == 0) return reading;
        var pieces: scan.Pieces = .{ .text = baggage, .separator = ',' };
        while (pieces.next()) |piece| {
            reading.pieces += 1;
            const value = member.valueOf(piece) orelse continue;
            reading.ours += 1;
            if (!lanes.admits(value)) continue;
            reading.valid += 1;
            reading.lane = value;
        }
        return reading;
    }

    pub fn rest(member: Member, arena: Allocator, reading: Reading) !Rest {
        const text = reading.text;
        const others = reading.pieces - reading.ours;
        if (reading.ours == 0) return .{ .text = std.mem.trim(u8, text, ows), .pieces = others };
        const buffer = try arena.alloc(u8, text.len);
        var length: usize = 0;
        var pieces: scan.Pieces = .{ .text = text, .separator = ',' };
        var first = true;
        while (pieces.next()) |piece| {
            if (member.valueOf(piece) != null) continue;
            if (!first) {
                buffer[length] = ',';
                length += 1;
            }
            first = false;
            @memcpy(buffer[length..][0..piece.len], piece);
            length += piece.len;
        }
        return .{ .text = std.mem.trim(u8, buffer[0..length], ows), .pieces = others };
    }

    /// One line: `lane`, then `kept`. Ours comes first, so truncation by others spares it.
    pub fn write(member: Member, arena: Allocator, lane: []const u8, kept: []const u8) ![]const u8 {
        const comma = if (kept.len > 0) "," else "";
        return std.mem.concat(arena, u8, &.{ member.key, "=", lane, comma, kept });
    }

    fn valueOf(member: Member, piece: []const u8) ?[]const u8 {
        const start = std.mem.trimStart(u8, piece, ows);
        if (!std.mem.startsWith(u8, start, member.key)) return null;
        const behind = std.mem.trimStart(u8, start[member.key.len..], ows);
        if (behind.len == 0 or behind[0] != '=') return null;
        const value = behind[1..];
        const end = scan.find(value, 0, ';') orelse value.len;
        return std.mem.trim(u8, value[0..end], ows);
    }
};

const testing = std.testing;

fn expectRead(text: []const u8, ours: usize, lane: ?[]const u8, kept: []const u8, count: usize) !void {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const lanes: LaneSet = try .init(arena.allocator(), &.{ "base", "canary" });
    const member: Member = .{ .key = "lane" };
    const reading = member.read(&lanes, text);
    try testing.expectEqual(ours, reading.ours);
    try testing.expectEqualDeep(lane, reading.lane);
    const left = try member.rest(arena.allocator(), reading);
    try testing.expectEqualStrings(kept, left.text);
    try testing.expectEqual(count, left.pieces);
}

test "our pieces are told from the rest" {
    try expectRead("", 0, null, "", 0);
    try expectRead("a=1", 0, null, "a=1", 1);
    try expectRead(" a,,b\t", 0, null, "a,,b", 3);
    try expectRead("lane=canary", 1, "canary", "", 0);
    try expectRead("lane=canary,", 1, "canary", "", 1);
    try expectRead("a=1, lane\t= canary ;p=1 , b", 1, "canary", "a=1, b", 2);
    try expectRead("lane=canary,lane=x,lane=base,lane=", 4, "base", "", 0);
    const foreign = "xlane=1,lane2=2,LANE=3,lane,lane;a=1,a;lane=4";
    try expectRead(foreign, 0, null, foreign, 6);
}

test "the lane goes first" {
    const member: Member = .{ .key = "lane" };
    const line = try member.write(testing.allocator, "base", "a=1");
    defer testing.allocator.free(line);
    try testing.expectEqualStrings("lane=base,a=1", line);
}
