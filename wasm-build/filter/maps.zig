//! Hash maps that cost little where numbers have 32 bits: the standard library's hash multiplies
//! 64 by 64 bits, which Wasm has no instruction for.
//!
//! Keys come from a configuration or from the host, never from a client, so nobody can choose keys
//! that collide.

const std = @import("std");

/// By texts.
pub fn Texts(comptime Value: type) type {
    return std.HashMapUnmanaged([]const u8, Value, TextContext, 80);
}

/// By ids.
pub fn Ids(comptime Value: type) type {
    return std.HashMapUnmanaged(u32, Value, IdContext, 80);
}

const TextContext = struct {
    /// FNV-1a.
    pub fn hash(_: TextContext, text: []const u8) u64 {
        var state: u64 = 0xcbf29ce484222325;
        for (text) |byte| state = (state ^ byte) *% 0x100000001b3;
        return state;
    }

    pub fn eql(_: TextContext, one: []const u8, other: []const u8) bool {
        return std.mem.eql(u8, one, other);
    }
};

const IdContext = struct {
    pub fn hash(_: IdContext, id: u32) u64 {
        return @as(u64, id) *% 0x9e3779b97f4a7c15;
    }

    pub fn eql(_: IdContext, one: u32, other: u32) bool {
        return one == other;
    }
};

test "a thousand similar texts are all found" {
    var map: Texts(usize) = .empty;
    defer map.deinit(std.testing.allocator);
    var texts: [1000][8]u8 = undefined;
    for (&texts, 0..) |*text, at| {
        _ = try std.fmt.bufPrint(text, "name{d:0>4}", .{at});
        try map.put(std.testing.allocator, text, at);
    }
    for (&texts, 0..) |*text, at| try std.testing.expectEqual(at, map.get(text).?);
    try std.testing.expectEqual(null, map.get("name"));
}
