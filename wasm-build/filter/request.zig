//! One request as the rules see it: header lines in, values of attributes out.
//!
//! Theory of operation. Each attribute that a policy reads has a slot. A pass over the header lines
//! finds the slots of their names; cookies, query, path, host and address are taken apart when the
//! first rule asks. A slot whose stamp is not the request's own is empty, so that a request costs
//! nothing for the slots that it has no value for.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Slot = slot_table.Slot;
const Slots = slot_table.Slots;
const config = @import("config.zig");
const folded = @import("match.zig").folded;
const none = slot_table.none;
const ows = @import("baggage.zig").ows;
const scan = @import("scan.zig");
const slot_table = @import("slots.zig");
const texts = @import("texts.zig");

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
            const slot = request.slots.findHeader(line.name) orelse continue;
            request.addLine(slot, @intCast(at));
        }
    }

    /// The value of a slot; null when the request has none.
    pub fn read(request: *Request, slot: Slot) !?[]const u8 {
        switch (request.slots.attributes.items[slot].source) {
            .header => return request.readHeader(slot),
            .cookie => try request.readCookies(),
            .query => try request.readQuery(),
            .path => return request.kept(slot) orelse request.readPath(slot),
            .host => return request.kept(slot) orelse request.readHost(slot),
            .sourceIp => return request.readSourceIp(slot),
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

    fn readPath(request: *Request, slot: Slot) !?[]const u8 {
        return request.keep(slot, texts.pathOf(try request.target()));
    }

    fn readHost(request: *Request, slot: Slot) !?[]const u8 {
        const authority = try request.readHeader(request.slots.authority) orelse "";
        return request.keep(slot, try folded(request.arena, texts.withoutPort(authority), true));
    }

    fn readSourceIp(request: *Request, slot: Slot) ?[]const u8 {
        if (request.states[slot].stamp == request.stamp) return request.states[slot].text;
        const ip = texts.ipOf(request.host.sourceAddress(request.host));
        return request.keep(slot, if (ip.len == 0) null else ip);
    }

    fn readCookies(request: *Request) !void {
        if (request.cookies_read) return;
        request.cookies_read = true;
        const header = &request.states[request.slots.cookie];
        if (header.stamp != request.stamp) return;
        var at = header.first;
        while (at != none) : (at = request.next[at]) {
            var pieces: scan.Pieces = .{ .text = request.lines[at].value, .separator = ';' };
            while (pieces.next()) |piece| request.addCookie(std.mem.trim(u8, piece, ows));
        }
    }

    fn addCookie(request: *Request, piece: []const u8) void {
        const equals = scan.find(piece, 0, '=') orelse return;
        const slot = request.slots.find(.cookie, piece[0..equals]) orelse return;
        if (request.states[slot].stamp == request.stamp) return;
        request.touch(slot, .cookie, std.mem.trim(u8, piece[equals + 1 ..], ows));
    }

    fn readQuery(request: *Request) !void {
        if (request.query_read) return;
        request.query_read = true;
        const whole = try request.target();
        const mark = scan.find(whole, 0, '?') orelse return;
        var pieces: scan.Pieces = .{ .text = whole[mark + 1 ..], .separator = '&' };
        while (pieces.next()) |piece| try request.addParameter(piece);
    }

    fn addParameter(request: *Request, piece: []const u8) !void {
        const equals = scan.find(piece, 0, '=') orelse piece.len;
        const name = try texts.decoded(request.arena, piece[0..equals]);
        const slot = request.slots.find(.query, name) orelse return;
        if (request.states[slot].stamp == request.stamp) return;
        const value = if (equals < piece.len) piece[equals + 1 ..] else "";
        request.touch(slot, .query, try texts.decoded(request.arena, value));
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

const testing = std.testing;

const Sample = struct {
    /// An attribute and the value that a request has for it.
    const Value = struct { config.Source, []const u8, ?[]const u8 };

    fn expect(lines: []const Line, attributes: []const Value) !void {
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
}
