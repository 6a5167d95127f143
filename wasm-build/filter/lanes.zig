//! What a lane may be called, and the closed set of lanes that a policy admits.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Texts = @import("maps.zig").Texts;

/// Bytes in the longest lane name.
pub const max_length = 63;

/// Whether `name` may name a lane: `[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?`.
pub fn isName(name: []const u8) bool {
    if (name.len == 0 or name.len > max_length) return false;
    if (!isAlnum(name[0]) or !isAlnum(name[name.len - 1])) return false;
    return isInner(name);
}

/// Whether `pattern` is a family of lanes: a prefix and a trailing `*`, as `pr-*`.
pub fn isFamily(pattern: []const u8) bool {
    if (pattern.len == 0 or pattern[pattern.len - 1] != '*') return false;
    const prefix = pattern[0 .. pattern.len - 1];
    if (prefix.len == 0) return true;
    return prefix.len < max_length and isAlnum(prefix[0]) and isInner(prefix);
}

fn isInner(text: []const u8) bool {
    for (text) |byte| {
        if (!isAlnum(byte) and byte != '.' and byte != '_' and byte != '-') return false;
    }
    return true;
}

fn isAlnum(byte: u8) bool {
    return switch (byte) {
        'a'...'z', '0'...'9' => true,
        else => false,
    };
}

/// Names, and families such as `pr-*`.
pub const LaneSet = struct {
    names: Texts(void) = .empty,
    prefixes: []const []const u8 = &.{},

    /// `patterns` must outlive the set.
    pub fn init(arena: Allocator, patterns: []const []const u8) !LaneSet {
        var set: LaneSet = .{};
        var prefixes: std.ArrayList([]const u8) = .empty;
        for (patterns) |pattern| {
            if (isFamily(pattern)) {
                try prefixes.append(arena, pattern[0 .. pattern.len - 1]);
            } else if (isName(pattern)) {
                try set.names.put(arena, pattern, {});
            } else return error.NotALane;
        }
        set.prefixes = prefixes.items;
        return set;
    }

    pub fn isEmpty(set: *const LaneSet) bool {
        return set.names.count() == 0 and set.prefixes.len == 0;
    }

    /// Whether `value`, raw as it stood on the wire, is one of these lanes.
    pub fn admits(set: *const LaneSet, value: []const u8) bool {
        if (value.len == 0 or value.len > max_length) return false;
        if (set.names.contains(value)) return true;
        for (set.prefixes) |prefix| {
            if (std.mem.startsWith(u8, value, prefix)) return isName(value);
        }
        return false;
    }
};

test "a lane name has letters and digits at both ends" {
    const longest: [max_length]u8 = @splat('a');
    for ([_][]const u8{ "a", "0", "a-b", "a.b_c-d", &longest }) |name| {
        try std.testing.expect(isName(name));
    }
    for ([_][]const u8{ "", "-a", "a-", "A", "a b", "a*", "ä", longest ++ "a" }) |name| {
        try std.testing.expect(!isName(name));
    }
}

test "a family admits the valid names that start with its prefix" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const set: LaneSet = try .init(arena.allocator(), &.{ "base", "pr-*" });
    for ([_][]const u8{ "base", "pr-1", "pr-a.b" }) |lane| {
        try std.testing.expect(set.admits(lane));
    }
    const too_long = "pr-".* ++ @as([61]u8, @splat('1'));
    for ([_][]const u8{ "", "pr-", "pr-*", "pr", "bas", "base2", "pr-X", &too_long }) |lane| {
        try std.testing.expect(!set.admits(lane));
    }
    try std.testing.expectError(error.NotALane, LaneSet.init(arena.allocator(), &.{"-*"}));
}
