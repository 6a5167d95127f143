//! One request as the rules see it: header lines in, values of attributes out.
//!
//! Theory of operation. Each attribute that a policy reads has a slot. A pass over the header lines
//! finds the slots of their names; cookies, query, path, host and address are taken apart when the
//! first rule asks. A slot whose stamp is not the request's own is empty, so that a request costs
//! nothing for the slots that it has no value for.

const std = @import("std");
const Allocator = std.mem.Allocator;
const config = @import("config.zig");
const folded = @import("match.zig").folded;
const ows = @import("baggage.zig").ows;

pub const Slot = u32;
const none = std.math.maxInt(u32);

/// A header line as Envoy gives it: the name in lower case, pseudo-headers included.
pub const Line = struct {
    name: []const u8,
    value: []const u8,
};

/// What a request does not say in its headers.
pub const Host = struct {
    /// `ip:port` or `[ip]:port` of the client; empty when there is none.
    sourceAddress: *const fn (*Host) []const u8,
    random: *const fn (*Host) u64,
};

/// The attributes that a policy reads, numbered.
pub const Slots = struct {
    attributes: std.ArrayList(config.Attribute) = .empty,
    maps: [3]std.StringHashMapUnmanaged(Slot) = @splat(.empty),
    /// Which header names may have a slot: most lines of a request are of no interest.
    interesting: [256]bool = @splat(false),
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
            if (source == .header) slots.interesting[hint(name)] = true;
        } else {
            for (slots.attributes.items, 0..) |attribute, slot| {
                if (attribute.source == source) return @intCast(slot);
            }
        }
        try slots.attributes.append(arena, .{ .source = source, .name = name });
        return @intCast(slots.attributes.items.len - 1);
    }

    fn find(slots: *const Slots, comptime source: config.Source, name: []const u8) ?Slot {
        return slots.maps[mapOf(source).?].get(name);
    }

    fn mapOf(source: config.Source) ?usize {
        return switch (source) {
            .header => 0,
            .cookie => 1,
            .query => 2,
            else => null,
        };
    }

    fn hint(name: []const u8) u8 {
        if (name.len == 0) return 0;
        return name[0] +% 3 *% name[name.len - 1] +% @as(u8, @truncate(name.len));
    }
};

const State = struct {
    stamp: u64 = 0,
    /// Header lines of this name, as a list through `Request.next`.
    first: u32 = none,
    last: u32 = none,
    /// The value once it is worked out; a header of one line has it from the start.
    text: ?[]const u8 = null,
    folded: ?[]const u8 = null,
    touched: Slot = none,
};

/// The request at hand. One after the other: a policy has one of these, and requests reuse it.
pub const Request = struct {
    slots: *const Slots,
    states: []State,
    stamp: u64 = 0,
    arena: Allocator = undefined,
    host: *Host = undefined,
    lines: []const Line = &.{},
    next: []u32 = &.{},
    cookies_read: bool = false,
    query_read: bool = false,
    touched: [3]Slot = @splat(none),

    pub fn init(arena: Allocator, slots: *const Slots) !Request {
        const states = try arena.alloc(State, slots.attributes.items.len);
        @memset(states, .{});
        return .{ .slots = slots, .states = states };
    }

    /// Make this the request at hand. All that reading it allocates comes from `arena`.
    pub fn begin(request: *Request, arena: Allocator, lines: []const Line, host: *Host) !void {
        request.stamp += 1;
        request.arena = arena;
        request.host = host;
        request.lines = lines;
        request.cookies_read = false;
        request.query_read = false;
        request.touched = @splat(none);
        request.next = try arena.alloc(u32, lines.len);
        for (lines, 0..) |line, at| {
            if (!request.slots.interesting[Slots.hint(line.name)]) continue;
            const slot = request.slots.find(.header, line.name) orelse continue;
            request.addLine(slot, @intCast(at));
        }
    }

    /// The value of a slot; null when the request has none.
    pub fn read(request: *Request, slot: Slot) !?[]const u8 {
        switch (request.slots.attributes.items[slot].source) {
            .header => return request.readHeader(slot),
            .cookie => try request.readCookies(),
            .query => try request.readQuery(),
            .path => return request.kept(slot) orelse request.keep(slot, pathOf(try request.target())),
            .host => return request.kept(slot) orelse request.keep(slot, try request.readHost()),
            .sourceIp => return try request.readSourceIp(slot),
            .method => unreachable, // has the slot of a header
        }
        return request.kept(slot);
    }

    /// As `read`, with ASCII letters in lower case.
    pub fn readFolded(request: *Request, slot: Slot) !?[]const u8 {
        const text = try request.read(slot) orelse return null;
        const state = &request.states[slot];
        if (state.folded == null) state.folded = try folded(request.arena, text, true);
        return state.folded;
    }

    /// The slots of a source that this request has values for.
    pub fn present(request: *Request, source: config.Source) !Present {
        switch (source) {
            .cookie => try request.readCookies(),
            .query => try request.readQuery(),
            else => {},
        }
        return .{ .states = request.states, .slot = request.touched[Slots.mapOf(source).?] };
    }

    fn addLine(request: *Request, slot: Slot, at: u32) void {
        request.next[at] = none;
        const state = &request.states[slot];
        if (state.stamp == request.stamp) {
            request.next[state.last] = at;
            state.last = at;
            state.text = null;
        } else {
            request.touch(slot, .header, request.lines[at].value);
            state.first = at;
            state.last = at;
        }
    }

    fn touch(request: *Request, slot: Slot, comptime source: config.Source, text: []const u8) void {
        const head = &request.touched[Slots.mapOf(source).?];
        request.states[slot] = .{ .stamp = request.stamp, .text = text, .touched = head.* };
        head.* = slot;
    }

    /// What has been worked out already.
    fn kept(request: *const Request, slot: Slot) ?[]const u8 {
        const state = &request.states[slot];
        return if (state.stamp == request.stamp) state.text else null;
    }

    fn keep(request: *Request, slot: Slot, text: ?[]const u8) ?[]const u8 {
        request.states[slot] = .{ .stamp = request.stamp, .text = text };
        return text;
    }

    fn readHeader(request: *Request, slot: Slot) !?[]const u8 {
        const state = &request.states[slot];
        if (state.stamp != request.stamp) return null;
        if (state.text == null) state.text = try request.join(state.first);
        return state.text;
    }

    /// Several lines of one header are one value (RFC 9110 section 5.3).
    fn join(request: *const Request, first: u32) ![]const u8 {
        var length: usize = 0;
        var at = first;
        while (at != none) : (at = request.next[at]) length += request.lines[at].value.len + 1;
        const buffer = try request.arena.alloc(u8, length);
        length = 0;
        at = first;
        while (at != none) : (at = request.next[at]) {
            const value = request.lines[at].value;
            @memcpy(buffer[length..][0..value.len], value);
            buffer[length + value.len] = ',';
            length += value.len + 1;
        }
        return buffer[0 .. length - 1];
    }

    fn target(request: *Request) ![]const u8 {
        return try request.readHeader(request.slots.path) orelse "";
    }

    fn readHost(request: *Request) ![]const u8 {
        const authority = try request.readHeader(request.slots.authority) orelse "";
        return folded(request.arena, withoutPort(authority), true);
    }

    fn readSourceIp(request: *Request, slot: Slot) !?[]const u8 {
        if (request.states[slot].stamp == request.stamp) return request.states[slot].text;
        const ip = ipOf(request.host.sourceAddress(request.host));
        return request.keep(slot, if (ip.len == 0) null else ip);
    }

    fn readCookies(request: *Request) !void {
        if (request.cookies_read) return;
        request.cookies_read = true;
        const header = &request.states[request.slots.cookie];
        if (header.stamp != request.stamp) return;
        var at = header.first;
        while (at != none) : (at = request.next[at]) {
            var pieces = std.mem.splitScalar(u8, request.lines[at].value, ';');
            while (pieces.next()) |piece| request.addCookie(std.mem.trim(u8, piece, ows));
        }
    }

    fn addCookie(request: *Request, piece: []const u8) void {
        const equals = std.mem.findScalar(u8, piece, '=') orelse return;
        const slot = request.slots.find(.cookie, piece[0..equals]) orelse return;
        if (request.states[slot].stamp == request.stamp) return;
        request.touch(slot, .cookie, std.mem.trim(u8, piece[equals + 1 ..], ows));
    }

    fn readQuery(request: *Request) !void {
        if (request.query_read) return;
        request.query_read = true;
        const whole = try request.target();
        const mark = std.mem.findScalar(u8, whole, '?') orelse return;
        var pieces = std.mem.splitScalar(u8, whole[mark + 1 ..], '&');
        while (pieces.next()) |piece| try request.addParameter(piece);
    }

    fn addParameter(request: *Request, piece: []const u8) !void {
        const equals = std.mem.findScalar(u8, piece, '=') orelse piece.len;
        const name = try decoded(request.arena, piece[0..equals]);
        const slot = request.slots.find(.query, name) orelse return;
        if (request.states[slot].stamp == request.stamp) return;
        const value = if (equals < piece.len) piece[equals + 1 ..] else "";
        request.touch(slot, .query, try decoded(request.arena, value));
    }
};

/// Iterates over slots that have a value.
pub const Present = struct {
    states: []const State,
    slot: Slot,

    pub fn next(present: *Present) ?Slot {
        if (present.slot == none) return null;
        defer present.slot = present.states[present.slot].touched;
        return present.slot;
    }
};

fn pathOf(target: []const u8) []const u8 {
    return target[0 .. std.mem.findScalar(u8, target, '?') orelse target.len];
}

fn withoutPort(authority: []const u8) []const u8 {
    const colon = std.mem.findScalarLast(u8, authority, ':') orelse return authority;
    // Inside brackets it is part of an IPv6 address.
    if (std.mem.findScalar(u8, authority[colon..], ']') != null) return authority;
    return authority[0..colon];
}

fn ipOf(address: []const u8) []const u8 {
    if (address.len > 0 and address[0] == '[') {
        const end = std.mem.findScalar(u8, address, ']') orelse address.len;
        return address[1..end];
    }
    const colon = std.mem.findScalar(u8, address, ':') orelse return address;
    const one = std.mem.findScalarPos(u8, address, colon + 1, ':') == null;
    return if (one) address[0..colon] else address;
}

/// RFC 3986 section 2.1: `+` is an ordinary octet, and a broken escape stays as it is.
fn decoded(arena: Allocator, text: []const u8) ![]const u8 {
    if (std.mem.findScalar(u8, text, '%') == null) return text;
    const buffer = try arena.alloc(u8, text.len);
    var length: usize = 0;
    var at: usize = 0;
    while (at < text.len) {
        const octet = escape(text[at..]);
        buffer[length] = octet orelse text[at];
        length += 1;
        at += if (octet == null) 1 else 3;
    }
    return buffer[0..length];
}

fn escape(text: []const u8) ?u8 {
    if (text.len < 3 or text[0] != '%') return null;
    const high = std.fmt.charToDigit(text[1], 16) catch return null;
    const low = std.fmt.charToDigit(text[2], 16) catch return null;
    return high << 4 | low;
}

const testing = std.testing;

const Sample = struct {
    arena: std.heap.ArenaAllocator,
    slots: Slots,

    fn expect(lines: []const Line, attributes: []const struct { config.Source, []const u8, ?[]const u8 }) !void {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        defer arena.deinit();
        const allocator = arena.allocator();
        var slots: Slots = try .init(allocator);
        for (attributes) |one| _ = try slots.intern(allocator, one[0], one[1]);
        var request: Request = try .init(allocator, &slots);
        var host: Host = .{ .sourceAddress = address, .random = random };
        // Twice: nothing of a request may be left for the next.
        for (0..2) |_| {
            try request.begin(allocator, lines, &host);
            for (attributes) |one| {
                const slot = try slots.intern(allocator, one[0], one[1]);
                try testing.expectEqualDeep(one[2], try request.read(slot));
            }
        }
        try request.begin(allocator, &.{}, &host);
        for (attributes) |one| switch (one[0]) {
            .header, .cookie, .query => {
                const slot = try slots.intern(allocator, one[0], one[1]);
                try testing.expectEqual(null, try request.read(slot));
            },
            else => {},
        };
    }

    fn address(_: *Host) []const u8 {
        return "[2001:db8::1]:443";
    }

    fn random(_: *Host) u64 {
        return 0;
    }
};

test "lines of one header are one value" {
    try Sample.expect(&.{
        .{ .name = "a", .value = "1" },
        .{ .name = "b", .value = "x" },
        .{ .name = "a", .value = "" },
        .{ .name = "a", .value = "2" },
        .{ .name = "c", .value = "" },
    }, &.{
        .{ .header, "a", "1,,2" }, .{ .header, "b", "x" }, .{ .header, "c", "" }, .{ .header, "d", null },
    });
}

test "the first cookie of a name wins, over all lines" {
    try Sample.expect(&.{
        .{ .name = "cookie", .value = "b; a =1; x=; a= 2\t;a=3" },
        .{ .name = "cookie", .value = "c=3;x=4;d=\"5\"" },
    }, &.{
        .{ .cookie, "a", "2" }, .{ .cookie, "b", null },    .{ .cookie, "c", "3" },
        .{ .cookie, "x", "" },  .{ .cookie, "d", "\"5\"" }, .{ .header, "cookie", "b; a =1; x=; a= 2\t;a=3,c=3;x=4;d=\"5\"" },
    });
}

test "the query's names and values are decoded" {
    try Sample.expect(&.{.{ .name = ":path", .value = "/p%41?%61=1+2&b&a=2&c=%zz%4&d=%25%%41?x=1&e==" }}, &.{
        .{ .query, "a", "1+2" },     .{ .query, "b", "" },     .{ .query, "c", "%zz%4" },
        .{ .query, "d", "%%A?x=1" }, .{ .query, "e", "=" },    .{ .query, "x", null },
        .{ .path, "", "/p%41" },     .{ .query, "%61", null },
    });
}

test "host, method and address" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "Shop.Example.com:8080", "shop.example.com" }, .{ "[::1]:80", "[::1]" }, .{ "[::A]", "[::a]" },
        .{ "h:", "h" },                                   .{ "", "" },
    };
    for (cases) |case| {
        try Sample.expect(&.{
            .{ .name = ":authority", .value = case[0] },
            .{ .name = ":method", .value = "GET" },
        }, &.{ .{ .host, "", case[1] }, .{ .method, "", "GET" }, .{ .sourceIp, "", "2001:db8::1" } });
    }
    try testing.expectEqualStrings("10.0.0.1", ipOf("10.0.0.1:5"));
    try testing.expectEqualStrings("::1", ipOf("::1"));
    try testing.expectEqualStrings("", ipOf(""));
    try testing.expectEqualStrings("", ipOf("["));
}
