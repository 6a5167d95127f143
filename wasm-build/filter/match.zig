//! Conditions as predicates over one value.

const std = @import("std");
const Allocator = std.mem.Allocator;
const config = @import("config.zig");
const Address = @import("address.zig").Address;
const Block = @import("address.zig").Block;
const Dfa = @import("dfa.zig").Dfa;
const Texts = @import("maps.zig").Texts;

pub const Matcher = struct {
    kind: Test,
    /// Compare with the value's ASCII letters in lower case.
    fold: bool,
    negate: bool,

    const Test = union(enum) {
        exact: []const u8,
        prefix: []const u8,
        suffix: []const u8,
        contains: Needle,
        regex: *const Dfa,
        in: Texts(void),
        present,
        cidr: []const Block,
    };

    pub fn init(arena: Allocator, condition: config.Condition, dfas: []const Dfa) !Matcher {
        const fold = condition.ignoreCase and condition.kind != .regex;
        return .{
            .kind = try testOf(arena, condition, fold, dfas),
            .fold = fold,
            .negate = condition.not,
        };
    }

    /// `value` is folded already when `fold` says so; null is a value that the request has not.
    pub fn holds(matcher: *const Matcher, value: ?[]const u8) bool {
        return matcher.positive(value orelse return matcher.negate) != matcher.negate;
    }

    fn positive(matcher: *const Matcher, value: []const u8) bool {
        return switch (matcher.kind) {
            .exact => |text| std.mem.eql(u8, value, text),
            .prefix => |text| std.mem.startsWith(u8, value, text),
            .suffix => |text| std.mem.endsWith(u8, value, text),
            .contains => |needle| needle.isIn(value),
            .regex => |dfa| dfa.matches(value),
            .in => |set| set.contains(value),
            .present => true,
            .cidr => |blocks| isInside(value, blocks),
        };
    }

    noinline fn testOf(arena: Allocator, condition: config.Condition, fold: bool, dfas: []const Dfa) !Test {
        const values = condition.values;
        const wanted: usize = switch (condition.kind) {
            .present, .regex => 0,
            .in, .cidr => @max(values.len, 1),
            else => 1,
        };
        if (values.len != wanted) return error.WrongNumberOfValues;
        switch (condition.kind) {
            .exact => return .{ .exact = try folded(arena, values[0], fold) },
            .prefix => return .{ .prefix = try folded(arena, values[0], fold) },
            .suffix => return .{ .suffix = try folded(arena, values[0], fold) },
            .contains => {
                return .{ .contains = try .init(arena, try folded(arena, values[0], fold)) };
            },
            .in => {
                var set: Texts(void) = .empty;
                for (values) |value| try set.put(arena, try folded(arena, value, fold), {});
                return .{ .in = set };
            },
            .regex => {
                if (condition.regex >= dfas.len) return error.NoSuchRegex;
                return .{ .regex = &dfas[condition.regex] };
            },
            .present => return .present,
            .cidr => {
                const blocks = try arena.alloc(Block, values.len);
                for (blocks, values) |*block, value| {
                    block.* = Block.parse(value) orelse return error.NotABlock;
                }
                return .{ .cidr = blocks };
            },
        }
    }

    fn isInside(value: []const u8, blocks: []const Block) bool {
        const address = Address.parse(value) orelse return false;
        for (blocks) |block| if (block.contains(address)) return true;
        return false;
    }
};

/// `text` itself, or with ASCII letters in lower case.
pub fn folded(arena: Allocator, text: []const u8, fold: bool) ![]const u8 {
    if (!fold) return text;
    for (text) |byte| {
        if (std.ascii.isUpper(byte)) return std.ascii.allocLowerString(arena, text);
    }
    return text;
}

/// A text to look for, by Knuth, Morris and Pratt: linear whatever the bytes.
const Needle = struct {
    text: []const u8,
    /// How long a border (prefix and suffix at once) each prefix has.
    borders: []const u32,

    fn init(arena: Allocator, text: []const u8) !Needle {
        const borders = try arena.alloc(u32, text.len);
        var border: u32 = 0;
        for (borders, 0..) |*one, at| {
            if (at == 0) {
                one.* = 0;
                continue;
            }
            while (border > 0 and text[at] != text[border]) border = borders[border - 1];
            if (text[at] == text[border]) border += 1;
            one.* = border;
        }
        return .{ .text = text, .borders = borders };
    }

    fn isIn(needle: Needle, haystack: []const u8) bool {
        const text = needle.text;
        if (text.len == 0) return true;
        if (text.len > haystack.len) return false;
        var found: u32 = 0;
        for (haystack) |byte| {
            while (found > 0 and byte != text[found]) found = needle.borders[found - 1];
            if (byte == text[found]) found += 1;
            if (found == text.len) return true;
        }
        return false;
    }
};

const testing = std.testing;

fn expectMatches(condition: config.Condition, cases: []const struct { ?[]const u8, bool }) !void {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const allocator = arena.allocator();
    const dfas = [_]Dfa{try .init(allocator, try @import("dfa.zig").aPlus(allocator))};
    const matcher: Matcher = try .init(allocator, condition, &dfas);
    for (cases) |case| {
        const value = if (case[0]) |text| try folded(allocator, text, matcher.fold) else null;
        testing.expectEqual(case[1], matcher.holds(value)) catch |failure| {
            std.debug.print("{t} {?s}\n", .{ condition.kind, case[0] });
            return failure;
        };
    }
}

test "each kind of matcher" {
    try expectMatches(.{ .source = .path, .kind = .exact, .values = &.{"Ab"} }, &.{
        .{ "Ab", true }, .{ "ab", false }, .{ "", false }, .{ null, false },
    });
    try expectMatches(.{ .source = .path, .kind = .exact, .values = &.{"Ab"}, .ignoreCase = true }, &.{
        .{ "aB", true }, .{ "b", false }, .{ null, false },
    });
    try expectMatches(.{ .source = .path, .kind = .prefix, .values = &.{"ab"}, .not = true }, &.{
        .{ "abc", false }, .{ "a", true }, .{ null, true },
    });
    try expectMatches(.{ .source = .path, .kind = .suffix, .values = &.{""} }, &.{
        .{ "", true }, .{ "a", true }, .{ null, false },
    });
    try expectMatches(.{ .source = .path, .kind = .contains, .values = &.{"aab"} }, &.{
        .{ "aaab", true }, .{ "aabaab", true }, .{ "aaaa", false }, .{ "aa", false },
    });
    try expectMatches(.{ .source = .path, .kind = .in, .values = &.{ "a", "B" }, .ignoreCase = true }, &.{
        .{ "A", true }, .{ "b", true }, .{ "c", false },
    });
    try expectMatches(.{ .source = .path, .kind = .regex, .ignoreCase = true }, &.{
        .{ "aa", true }, .{ "A", false },
    });
    try expectMatches(.{ .source = .path, .kind = .present, .not = true }, &.{
        .{ "", false }, .{ null, true },
    });
    try expectMatches(.{ .source = .sourceIp, .kind = .cidr, .values = &.{ "10.0.0.0/8", "::1/128" } }, &.{
        .{ "10.1.1.1", true }, .{ "::1", true }, .{ "::2", false }, .{ "/socket", false },
    });
}

test "a condition without sense is refused" {
    const bad = [_]struct { config.Condition, anyerror }{
        .{ .{ .source = .path, .kind = .exact }, error.WrongNumberOfValues },
        .{ .{ .source = .path, .kind = .in }, error.WrongNumberOfValues },
        .{ .{ .source = .path, .kind = .present, .values = &.{"x"} }, error.WrongNumberOfValues },
        .{ .{ .source = .path, .kind = .regex, .regex = 1 }, error.NoSuchRegex },
        .{ .{ .source = .path, .kind = .cidr, .values = &.{"10.0.0.0"} }, error.NotABlock },
    };
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    for (bad) |case| {
        try testing.expectError(case[1], Matcher.init(arena.allocator(), case[0], &.{}));
    }
}
