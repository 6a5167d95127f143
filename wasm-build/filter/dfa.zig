//! Regular expressions as tables: one look-up a byte, whatever the pattern.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Regex = @import("config.zig").Regex;

pub const Dfa = struct {
    classes: *const [256]u8,
    width: u32,
    /// Entry `state * width + class` is the next state. State 0 is the start.
    table: []const u16,
    accepting: []const u8,
    dead: u32,

    const no_state = std.math.maxInt(u32);

    /// Every index that matching can compute is checked here, so that matching need not fail.
    pub noinline fn init(arena: Allocator, regex: Regex) !Dfa {
        const classes = try decode(arena, regex.classes);
        const accepting = try decode(arena, regex.accepting);
        const table = try decode(arena, regex.table);
        const states = accepting.len;
        if (classes.len != 256 or regex.width == 0 or regex.width > 256) return error.BadTable;
        if (states == 0 or states > 1 << 16) return error.BadTable;
        for (classes) |class| if (class >= regex.width) return error.BadTable;
        const entries = try entriesOf(arena, table, states * regex.width);
        for (entries) |entry| if (entry >= states) return error.BadTable;
        return .{
            .classes = classes[0..256],
            .width = regex.width,
            .table = entries,
            .accepting = accepting,
            .dead = regex.dead orelse no_state,
        };
    }

    /// Whether the pattern takes `text` from its first byte to its last.
    pub fn matches(dfa: *const Dfa, text: []const u8) bool {
        var state: u32 = 0;
        for (text) |byte| {
            state = dfa.table[state * dfa.width + dfa.classes[byte]];
            if (state == dfa.dead) return false;
        }
        return dfa.accepting[state] != 0;
    }

    /// One or two bytes each, little endian.
    fn entriesOf(arena: Allocator, bytes: []const u8, count: usize) ![]const u16 {
        if (bytes.len != count and bytes.len != 2 * count) return error.BadTable;
        const entries = try arena.alloc(u16, count);
        const wide = bytes.len > count;
        for (entries, 0..) |*entry, at| {
            const two: [2]u8 = if (wide) bytes[2 * at ..][0..2].* else .{ bytes[at], 0 };
            entry.* = std.mem.readInt(u16, &two, .little);
        }
        return entries;
    }

    fn decode(arena: Allocator, text: []const u8) ![]const u8 {
        const decoder = std.base64.standard.Decoder;
        const size = decoder.calcSizeForSlice(text) catch return error.BadTable;
        const bytes = try arena.alloc(u8, size);
        decoder.decode(bytes, text) catch return error.BadTable;
        return bytes;
    }
};

fn base64(arena: Allocator, bytes: []const u8) ![]const u8 {
    const encoder = std.base64.standard.Encoder;
    return encoder.encode(try arena.alloc(u8, encoder.calcSize(bytes.len)), bytes);
}

/// `a+`: state 0 is the start, 1 takes, 2 is dead; class 1 is `a`.
pub fn aPlus(arena: Allocator) !Regex {
    var classes: [256]u8 = @splat(0);
    classes['a'] = 1;
    return .{
        .classes = try base64(arena, &classes),
        .width = 2,
        .table = try base64(arena, &.{ 2, 1, 2, 1, 2, 2 }),
        .accepting = try base64(arena, &.{ 0, 1, 0 }),
        .dead = 2,
    };
}

test "a table takes whole texts" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const dfa: Dfa = try .init(arena.allocator(), try aPlus(arena.allocator()));
    var wide = try aPlus(arena.allocator());
    wide.table = try base64(arena.allocator(), &.{ 2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 2, 0 });
    try std.testing.expectEqualDeep(dfa, try Dfa.init(arena.allocator(), wide));
    try std.testing.expect(dfa.matches("a"));
    try std.testing.expect(dfa.matches("aaaa"));
    for ([_][]const u8{ "", "b", "ab", "ba", "aab" }) |text| {
        try std.testing.expect(!dfa.matches(text));
    }
}

test "a table that could be left is refused" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const allocator = arena.allocator();
    const good = try aPlus(allocator);
    var bad: [6]Regex = @splat(good);
    bad[0].width = 1;
    bad[1].width = 0;
    bad[2].accepting = try base64(allocator, &.{ 0, 1 });
    bad[3].classes = "AAAA";
    bad[4].table = try base64(allocator, &.{ 3, 1, 2, 1, 2, 2 });
    bad[5].table = "*";
    for (bad) |regex| try std.testing.expectError(error.BadTable, Dfa.init(allocator, regex));
}
