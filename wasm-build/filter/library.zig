//! The core as a shared library: for a service that is asked by ProcessingRequests.
//!
//! It does not answer, it sorts: requests with the same *key* get the same answer, but for the
//! baggage of others that some answers repeat, and which comes with the key. Whoever calls keeps
//! the answers. What this core does not read, or what is not for it, has no key.
//!
//! A core belongs to one thread, and the outcome of a look lasts until its next one.

const std = @import("std");
const core = @import("core.zig");
const message = @import("message.zig");

/// More than an ordinary request needs; what needs more comes from the heap for the while.
const at_hand = 64 << 10;

/// Bytes of the longest baggage that is told; Envoy lets all headers have 60 KiB.
const longest = 59 << 10;

/// Bytes of a key before its lane.
const head = 2 + @sizeOf(usize);
const longest_key = head + 63;

const Core = struct {
    arena: std.heap.ArenaAllocator,
    engine: core.Engine,
    attributes: bool,
    overflow: std.heap.ArenaAllocator = .init(std.heap.page_allocator),
    host: core.Host = .{ .sourceAddress = sourceAddress, .random = random },
    source_address: []const u8 = "",
    buffer: [at_hand]u8 = undefined,
    out: [longest_key + longest]u8 = undefined,
};

/// A core for the configuration `json`; null when it is refused, and then `reason` says why.
/// The caller keeps `json` as long as the core.
export fn colorfast_open(
    json: [*]const u8,
    length: usize,
    attributes: bool,
    reason: *[256]u8,
    reason_length: *usize,
) ?*Core {
    var why: core.Reason = .{};
    return open(json[0..length], attributes, &why) catch {
        @memcpy(reason[0..why.text.len], why.text);
        reason_length.* = why.text.len;
        return null;
    };
}

export fn colorfast_close(one: *Core) void {
    one.overflow.deinit();
    one.arena.deinit();
    std.heap.page_allocator.destroy(one);
}

/// Where a look leaves the key and, behind it, the baggage.
export fn colorfast_out(one: *Core) [*]const u8 {
    return &one.out;
}

/// The length of the key of a ProcessingRequest, plus 2^16 times the length of the baggage that its
/// answer repeats; 0 when there is no key.
export fn colorfast_look(one: *Core, bytes: [*]const u8, length: usize) u64 {
    return look(one, bytes[0..length]) catch 0;
}

fn open(json: []const u8, attributes: bool, why: *core.Reason) !*Core {
    const one = try std.heap.page_allocator.create(Core);
    errdefer std.heap.page_allocator.destroy(one);
    one.* = .{ .arena = .init(std.heap.page_allocator), .engine = undefined, .attributes = attributes };
    errdefer one.arena.deinit();
    one.engine = try .init(one.arena.allocator(), json, why);
    return one;
}

fn look(one: *Core, bytes: []const u8) !u64 {
    _ = one.overflow.reset(.free_all);
    var scratch: std.heap.BufferFirstAllocator = .init(&one.buffer, one.overflow.allocator());
    const arena = scratch.allocator();
    const asked = try message.parse(arena, bytes, one.attributes);
    one.source_address = asked.source_address;
    const outcome = try one.engine.decide(arena, asked.lines, &one.host);
    return tell(&one.out, outcome);
}

/// The key: what becomes of the header and of the baggage, which rule it was, and the lane.
fn tell(out: []u8, outcome: core.Outcome) !u64 {
    const lane = outcome.lane orelse "";
    const text = repeats(outcome);
    const rule: usize = if (outcome.rule) |name| @intFromPtr(name.ptr) else 0;
    out[0] = @backingInt(std.meta.activeTag(outcome.header));
    out[1] = if (text == null) @backingInt(std.meta.activeTag(outcome.baggage)) else 3;
    std.mem.writeInt(usize, out[2..head], rule, .little);
    @memcpy(out[head..][0..lane.len], lane);
    const size = head + lane.len;
    const behind = text orelse return size;
    if (behind.len > longest or hasControl(behind)) return error.Unusual;
    @memcpy(out[size..][0..behind.len], behind);
    return size | @as(u64, behind.len) << 16;
}

/// Baggage that holds bytes of the request's own.
fn repeats(outcome: core.Outcome) ?[]const u8 {
    const text = switch (outcome.baggage) {
        .set => |text| text,
        else => return null,
    };
    if (outcome.lane != null and std.mem.findScalar(u8, text, ',') == null) return null;
    return text;
}

/// RFC 9110 section 5.5: Envoy fails a request for such a value.
fn hasControl(text: []const u8) bool {
    for (text) |byte| if (byte < 0x20 and byte != '\t' or byte == 0x7f) return true;
    return false;
}

fn sourceAddress(host: *core.Host) []const u8 {
    return @as(*Core, @alignCast(@fieldParentPtr("host", host))).source_address;
}

/// Policies that draw lanes at random have no keys.
fn random(_: *core.Host) u64 {
    return 0;
}

/// A mistake of ours ends the process rather than answer wrongly; whoever supervises it goes on.
pub const panic = std.debug.simple_panic;

const testing = std.testing;

const sample =
    \\{"version":1,"policy":"p","station":"dye","header":"x-lane","member":"lane","lanes":["base","pr-*"],
    \\"edge":{"accept":["pr-*"]},"default":"base","rules":[{"name":"ours","lane":"pr-1","match":[[
    \\{"source":"sourceIp","kind":"cidr","values":["10.0.0.0/8"]}]]}]}
;

/// Headers x-lane and baggage, and an address that the rule is about.
const asking = "\x12\x2e\x0a\x2c\x0a\x12\x0a\x06x-lane\x1a\x08pr-12345\x0a\x16\x0a\x07baggage\x1a\x0ba=1,lane=no" ++
    "\x4a\x3f\x0a\x1benvoy.filters.http.ext_proc\x12\x20\x0a\x1e\x0a\x0esource.address\x12\x0c\x1a\x0a10.1.2.3:4";

test "what is plain has a key, and the baggage to repeat behind it" {
    var why: core.Reason = .{};
    const one = try open(sample, true, &why);
    defer colorfast_close(one);
    const found = colorfast_look(one, asking, asking.len);
    const key: usize = @intCast(found & 0xffff);
    try testing.expectEqualStrings("pr-12345", one.out[head..key]);
    try testing.expectEqualStrings("lane=pr-12345,a=1", one.out[key..][0..@intCast(found >> 16)]);
}

test "no message traps, and none tells more than there is room for" {
    var why: core.Reason = .{};
    const one = try open(sample, true, &why);
    defer colorfast_close(one);
    var generator: std.Random.DefaultPrng = .init(4);
    const chance = generator.random();
    var known: usize = 0;
    for (0..50_000) |_| {
        var bytes = asking.*;
        for (0..chance.uintAtMost(usize, 3)) |_| {
            bytes[chance.uintLessThan(usize, bytes.len)] = chance.int(u8);
        }
        const start = if (chance.boolean()) 0 else chance.uintLessThan(usize, bytes.len);
        const found = look(one, bytes[start..]) catch continue;
        known += 1;
        try testing.expect((found & 0xffff) + (found >> 16) <= one.out.len);
    }
    try testing.expect(known > 1_000);
}
