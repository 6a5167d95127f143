//! The attributes that a policy reads, numbered, so that a request's values are an array.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Texts = @import("maps.zig").Texts;
const config = @import("config.zig");

pub const Slot = u32;

/// No slot, as the end of a list of slots.
pub const none = std.math.maxInt(Slot);
const several = none - 1;

/// The attributes that a policy reads, numbered.
pub const Slots = struct {
    attributes: std.ArrayList(config.Attribute) = .empty,
    maps: [3]Texts(Slot) = @splat(.empty),
    /// The slot of a header by a hint at its name: most lines of a request are of no interest, and
    /// most of the others are alone with their hint.
    hints: [256]Slot = @splat(none),
    path: Slot = none,
    method: Slot = none,
    authority: Slot = none,
    cookie: Slot = none,

    pub fn init(arena: Allocator) !Slots {
        var slots: Slots = .{};
        slots.path = try slots.intern(arena, .header, ":path");
        slots.method = try slots.intern(arena, .header, ":method");
        slots.authority = try slots.intern(arena, .header, ":authority");
        slots.cookie = try slots.intern(arena, .header, "cookie");
        return slots;
    }

    /// The slot of an attribute, a new one when it has none. `name` must outlive the slots.
    pub fn intern(slots: *Slots, arena: Allocator, source: config.Source, name: []const u8) !Slot {
        if (source == .method) return slots.method;
        if (mapOf(source)) |map| {
            const entry = try slots.maps[map].getOrPut(arena, name);
            if (entry.found_existing) return entry.value_ptr.*;
            entry.value_ptr.* = @intCast(slots.attributes.items.len);
            if (source == .header) {
                const alone = slots.hints[hint(name)] == none;
                slots.hints[hint(name)] = if (alone) entry.value_ptr.* else several;
            }
        } else {
            for (slots.attributes.items, 0..) |attribute, slot| {
                if (attribute.source == source) return @intCast(slot);
            }
        }
        try slots.attributes.append(arena, .{ .source = source, .name = name });
        return @intCast(slots.attributes.items.len - 1);
    }

    /// Of a header, a cookie or a parameter.
    pub fn find(slots: *const Slots, comptime source: config.Source, name: []const u8) ?Slot {
        return slots.maps[mapOf(source).?].get(name);
    }

    /// As `find`, cheap for names of no interest.
    pub fn findHeader(slots: *const Slots, name: []const u8) ?Slot {
        const slot = slots.hints[hint(name)];
        if (slot == none) return null;
        if (slot == several) return slots.find(.header, name);
        return if (std.mem.eql(u8, slots.attributes.items[slot].name, name)) slot else null;
    }

    /// Which of the maps a source has; null for one that has a single slot.
    pub fn mapOf(source: config.Source) ?usize {
        return switch (source) {
            .header => 0,
            .cookie => 1,
            .query => 2,
            else => null,
        };
    }

    /// The factors are such that hardly two of the usual headers have the same.
    fn hint(name: []const u8) u8 {
        if (name.len == 0) return 0;
        return name[0] +% 2 *% name[name.len - 1] +% 19 *% @as(u8, @truncate(name.len));
    }
};

const testing = std.testing;

test "an attribute has one slot, and a header is found among others with its hint" {
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const allocator = arena.allocator();
    var slots: Slots = try .init(allocator);
    var names: [300][4]u8 = undefined;
    for (&names, 0..) |*name, number| {
        _ = try std.fmt.bufPrint(name, "n{d:0>3}", .{number});
        const slot = try slots.intern(allocator, .header, name);
        try testing.expectEqual(slot, try slots.intern(allocator, .header, name));
    }
    for (&names) |*name| {
        const slot = slots.findHeader(name).?;
        try testing.expectEqualStrings(name, slots.attributes.items[slot].name);
    }
    for ([_][]const u8{ "", "n", "n300", "cookies" }) |name| {
        try testing.expectEqual(null, slots.findHeader(name));
    }
    try testing.expectEqual(slots.method, try slots.intern(allocator, .method, ""));
    const path = try slots.intern(allocator, .path, "");
    try testing.expectEqual(path, try slots.intern(allocator, .path, ""));
    try testing.expect(path != slots.path);
}
