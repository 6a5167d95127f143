//! ProcessingRequests, as far as Envoy sends them for the headers of a request.
//!
//! Only the plain form is read: each field once, known wire types, ASCII names. Whatever else
//! Protocol Buffers allow is `error.Unusual`, for a full parser to look at; so this one need not
//! know all of them, and never tells anything else than that one would.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Line = @import("request.zig").Line;

pub const Message = struct {
    lines: []const Line,
    /// Of the attributes; empty when there are none.
    source_address: []const u8 = "",
};

pub const Error = error{ Unusual, OutOfMemory };

/// Under this key Envoy sends attributes, whatever the filter is called.
const extension = "envoy.filters.http.ext_proc";

/// What `bytes` hold; texts are slices of them. Attributes are refused unless `attributes` are
/// expected.
pub fn parse(arena: Allocator, bytes: []const u8, attributes: bool) Error!Message {
    var headers: ?[]const u8 = null;
    var attribute: ?[]const u8 = null;
    var fields: Fields = .{ .bytes = bytes };
    while (try fields.next()) |field| switch (field.number) {
        2 => try once(&headers, field),
        // Another phase of the request, or of the response.
        3...7 => return error.Unusual,
        9 => if (attributes) try once(&attribute, field) else return error.Unusual,
        else => {},
    };
    const map = try only(headers orelse return error.Unusual, 1, &.{3});
    return .{
        .lines = try linesOf(arena, map),
        .source_address = if (attribute) |entry| try addressOf(entry) else "",
    };
}

/// An entry of the map of attributes: a Struct with nothing but the address.
fn addressOf(entry: []const u8) Error![]const u8 {
    const fields = try keyed(entry, extension);
    const value = try keyed(try only(fields, 1, &.{}), "source.address");
    const text = try only(value, 3, &.{});
    return if (isAscii(text)) text else error.Unusual;
}

/// The value of the map entry `bytes`, whose key is `key`.
fn keyed(bytes: []const u8, key: []const u8) Error![]const u8 {
    var found: ?[]const u8 = null;
    var value: ?[]const u8 = null;
    var fields: Fields = .{ .bytes = bytes };
    while (try fields.next()) |field| switch (field.number) {
        1 => try once(&found, field),
        2 => try once(&value, field),
        else => return error.Unusual,
    };
    if (!std.mem.eql(u8, found orelse "", key)) return error.Unusual;
    return value orelse error.Unusual;
}

/// The one field `number` of `bytes`, beside numbers of fields that do not matter.
fn only(bytes: []const u8, number: u64, comptime beside: []const u64) Error![]const u8 {
    var found: ?[]const u8 = null;
    var fields: Fields = .{ .bytes = bytes };
    while (try fields.next()) |field| {
        if (field.number == number) {
            try once(&found, field);
        } else if (std.mem.findScalar(u64, beside, field.number) == null) {
            return error.Unusual;
        }
    }
    return found orelse error.Unusual;
}

fn linesOf(arena: Allocator, map: []const u8) Error![]const Line {
    var lines: std.ArrayList(Line) = .empty;
    try lines.ensureTotalCapacity(arena, 32);
    var fields: Fields = .{ .bytes = map };
    while (try fields.next()) |field| {
        if (field.number != 1) return error.Unusual;
        try lines.append(arena, try lineOf(field.bytes orelse return error.Unusual));
    }
    return lines.items;
}

/// Envoy fills `raw_value`; some other proxies fill `value`.
fn lineOf(header: []const u8) Error!Line {
    var key: ?[]const u8 = null;
    var value: ?[]const u8 = null;
    var raw: ?[]const u8 = null;
    var fields: Fields = .{ .bytes = header };
    while (try fields.next()) |field| switch (field.number) {
        1 => try once(&key, field),
        2 => try once(&value, field),
        3 => try once(&raw, field),
        else => return error.Unusual,
    };
    const name = key orelse "";
    const text = value orelse "";
    if (!isAscii(name) or !isAscii(text)) return error.Unusual;
    return .{ .name = name, .value = if (raw != null and raw.?.len > 0) raw.? else text };
}

fn once(place: *?[]const u8, field: Field) Error!void {
    if (place.* != null) return error.Unusual;
    place.* = field.bytes orelse return error.Unusual;
}

/// A `string` has to be UTF-8, and this is the part of it that needs no decoder.
fn isAscii(text: []const u8) bool {
    for (text) |byte| if (byte >= 0x80) return false;
    return true;
}

const Field = struct {
    number: u64,
    /// Null for a number.
    bytes: ?[]const u8,
};

/// Iterates over the fields of a message (https://protobuf.dev/programming-guides/encoding).
const Fields = struct {
    bytes: []const u8,
    at: usize = 0,

    fn next(fields: *Fields) Error!?Field {
        if (fields.at == fields.bytes.len) return null;
        const tag = try fields.varint();
        if (tag >> 3 == 0) return error.Unusual;
        switch (tag & 7) {
            0 => {
                _ = try fields.varint();
                return .{ .number = tag >> 3, .bytes = null };
            },
            2 => {
                const size = try fields.varint();
                if (size > fields.bytes.len - fields.at) return error.Unusual;
                const start = fields.at;
                fields.at += @intCast(size);
                return .{ .number = tag >> 3, .bytes = fields.bytes[start..fields.at] };
            },
            else => return error.Unusual,
        }
    }

    /// Up to four bytes: no message is longer than that, and no field has a larger number.
    fn varint(fields: *Fields) Error!u64 {
        var value: u64 = 0;
        inline for (0..4) |place| {
            if (fields.at == fields.bytes.len) return error.Unusual;
            const byte = fields.bytes[fields.at];
            fields.at += 1;
            value |= @as(u64, byte & 0x7f) << 7 * place;
            if (byte < 0x80) return value;
        }
        return error.Unusual;
    }
};

const testing = std.testing;

fn expectUnusual(bytes: []const u8) !void {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    try testing.expectError(error.Unusual, parse(arena.allocator(), bytes, true));
}

const plain = "\x12\x14\x0a\x10\x0a\x07\x0a\x01a\x1a\x02xy\x0a\x05\x0a\x01b\x12\x00\x18\x01";

test "header lines as Envoy sends them" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const found = try parse(arena.allocator(), plain ++ "\x42\x00\x5a\x00", false);
    try testing.expectEqual(2, found.lines.len);
    try testing.expectEqualStrings("a", found.lines[0].name);
    try testing.expectEqualStrings("xy", found.lines[0].value);
    try testing.expectEqualStrings("", found.lines[1].value);
}

test "the address among the attributes" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const value = "\x0a\x0esource.address\x12\x05\x1a\x03ip1";
    const fields = "\x0a\x17" ++ value;
    const entry = "\x0a\x1b" ++ extension ++ "\x12\x19" ++ fields;
    const bytes = plain ++ "\x4a\x38" ++ entry;
    const found = try parse(arena.allocator(), bytes, true);
    try testing.expectEqualStrings("ip1", found.source_address);
    try testing.expectError(error.Unusual, parse(arena.allocator(), bytes, false));
}

test "whatever is not plain is left to another parser" {
    try expectUnusual("");
    try expectUnusual("\x1a\x00"); // response_headers
    try expectUnusual(plain ++ plain);
    try expectUnusual(plain ++ "\x00\x00");
    try expectUnusual(plain ++ "\x13"); // a group
    try expectUnusual(plain ++ "\x80\x80\x80\x80\x01\x00");
    for (1..plain.len) |length| try expectUnusual(plain[0..length]);
    try expectUnusual("\x12\x06\x0a\x04\x0a\x02\x0a\x00\x00");
    try expectUnusual("\x12\x07\x0a\x05\x0a\x03\x0a\x01\xe9"); // not UTF-8
}
