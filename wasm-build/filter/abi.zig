//! The core as a proxy-wasm plugin: ABI 0.2.1 without an SDK, glue only.
//!
//! A VM is shared by every filter with the same vm_id and code, so what belongs to a filter is kept
//! under its root context's id. A VM has one thread: callbacks never overlap.
//!
//! Calls across the border of the VM are most of what a request costs, whatever they do: there are
//! three from Envoy, one for all header lines with one back for memory, and one for each write.

const std = @import("std");
const Ids = @import("maps.zig").Ids;
const core = @import("core.zig");

const Level = enum(u32) { info = 2, critical = 5 };
const ok = 0;
const request_headers = 0;
const plugin_configuration = 7;
const @"continue" = 0;

/// More than an ordinary request needs; what needs more comes from the heap for the while.
const at_hand = 64 << 10;

const env = struct {
    extern "env" fn proxy_log(level: u32, text: [*]const u8, length: usize) u32;
    extern "env" fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        most: usize,
        out: *?[*]u8,
        length: *usize,
    ) u32;
    extern "env" fn proxy_get_header_map_pairs(map: u32, out: *?[*]u8, length: *usize) u32;
    extern "env" fn proxy_replace_header_map_value(
        map: u32,
        name: [*]const u8,
        name_length: usize,
        value: [*]const u8,
        length: usize,
    ) u32;
    extern "env" fn proxy_remove_header_map_value(
        map: u32,
        name: [*]const u8,
        length: usize,
    ) u32;
    extern "env" fn proxy_get_property(
        path: [*]const u8,
        path_length: usize,
        out: *?[*]u8,
        length: *usize,
    ) u32;
    extern "env" fn proxy_set_property(
        path: [*]const u8,
        path_length: usize,
        value: [*]const u8,
        length: usize,
    ) u32;
    extern "env" fn proxy_get_current_time_nanoseconds(out: *u64) u32;
    extern "wasi_snapshot_preview1" fn random_get(out: [*]u8, length: usize) u32;
};

const Stream = struct { context: u32, root: u32 };

/// One filter: its configuration, and the arena that holds all of it.
const Filter = struct {
    arena: std.heap.ArenaAllocator,
    engine: core.Engine,
};

const heap = std.heap.wasm_allocator;
var buffer: [at_hand]u8 = undefined;
var overflow: std.heap.ArenaAllocator = .init(heap);
var scratch: std.heap.BufferFirstAllocator = .init(&buffer, overflow.allocator());
var filters: Ids(*Filter) = .empty;
/// Streams whose headers have not come yet. Envoy makes a context right before it hands over the
/// headers, so there is one at most; other hosts may do otherwise.
var waiting: std.ArrayList(Stream) = .empty;
var randomness: ?std.Random.DefaultPrng = null;
var host: core.Host = .{ .sourceAddress = sourceAddress, .random = random };

export fn proxy_abi_version_0_2_1() void {}

/// Where the host puts what it returns.
export fn proxy_on_memory_allocate(size: usize) ?[*]u8 {
    const bytes = scratch.allocator().alignedAlloc(u8, .@"8", size) catch return null;
    return bytes.ptr;
}

export fn proxy_on_context_create(context: u32, root: u32) void {
    // A stream that cannot be told from a stranger is treated as one: see proxy_on_request_headers.
    if (root != 0) waiting.append(heap, .{ .context = context, .root = root }) catch {};
}

export fn proxy_on_vm_start(_: u32, _: u32) u32 {
    return 1;
}

export fn proxy_on_configure(root: u32, size: u32) u32 {
    forget();
    var reason: core.Reason = .{};
    configure(root, size, &reason) catch {
        say(.critical, "colorfast: configuration refused: {s}", .{reason.text});
        return 0;
    };
    return 1;
}

export fn proxy_on_request_headers(context: u32, _: u32, _: u32) u32 {
    forget();
    const root = takeRoot(context) orelse return @"continue";
    const filter = filters.get(root) orelse return @"continue";
    const engine = &filter.engine;
    if (engine.fallback and isDecided()) return @"continue";
    const outcome = decide(engine) catch engine.failsafe();
    apply(engine.header, outcome.header);
    apply("baggage", outcome.baggage);
    if (engine.metadata) tell(engine, outcome);
    return @"continue";
}

export fn proxy_on_delete(context: u32) void {
    if (takeRoot(context) != null) return;
    const filter = filters.fetchRemove(context) orelse return;
    free(filter.value);
}

/// The root of a stream that waits, and it waits no longer.
fn takeRoot(context: u32) ?u32 {
    var at = waiting.items.len;
    while (at > 0) {
        at -= 1;
        if (waiting.items[at].context == context) return waiting.swapRemove(at).root;
    }
    return null;
}

/// Nothing that a callback allocates is there for the next one.
fn forget() void {
    _ = overflow.reset(.free_all);
    scratch = .init(&buffer, overflow.allocator());
}

noinline fn configure(root: u32, size: u32, reason: *core.Reason) !void {
    const filter = try heap.create(Filter);
    errdefer heap.destroy(filter);
    filter.arena = .init(heap);
    errdefer filter.arena.deinit();
    const arena = filter.arena.allocator();
    const json = try arena.dupe(u8, try configuration(size));
    filter.engine = try .init(arena, json, reason);
    const old = try filters.fetchPut(heap, root, filter);
    if (old) |one| free(one.value);
    const engine = &filter.engine;
    const told = .{ engine.digest, engine.station, engine.rules.len };
    say(.info, "colorfast: policy {s}, station {t}, {d} rules", told);
}

fn configuration(size: u32) ![]const u8 {
    if (size == 0) return "";
    var out: ?[*]u8 = null;
    var length: usize = 0;
    const status = env.proxy_get_buffer_bytes(plugin_configuration, 0, size, &out, &length);
    return returned(status, out, length) orelse error.OutOfMemory;
}

fn free(filter: *Filter) void {
    filter.arena.deinit();
    heap.destroy(filter);
}

fn decide(engine: *core.Engine) !core.Outcome {
    const arena = scratch.allocator();
    return engine.decide(arena, try headerLines(arena), &host);
}

/// All header lines in one call: a call for one header costs as much, and tells the first of several
/// lines only. A count comes first, then the lengths of each name and value, then the texts, each
/// with a NUL behind it.
fn headerLines(arena: std.mem.Allocator) ![]const core.Line {
    var out: ?[*]u8 = null;
    var length: usize = 0;
    const status = env.proxy_get_header_map_pairs(request_headers, &out, &length);
    return parse(arena, returned(status, out, length) orelse return error.NoHeaders);
}

fn parse(arena: std.mem.Allocator, bytes: []const u8) ![]const core.Line {
    if (bytes.len == 0) return &.{};
    if (bytes.len < 4) return error.Truncated;
    const count = number(bytes, 0);
    if (count > (bytes.len - 4) / 8) return error.Truncated;
    const lines = try arena.alloc(core.Line, count);
    const sizes = bytes[4..][0 .. 8 * lines.len];
    var texts = bytes[4 + sizes.len ..];
    for (lines, 0..) |*line, at| {
        const name, const value = .{ number(sizes, 8 * at), number(sizes, 8 * at + 4) };
        const size = @as(u64, name) + 1 + value + 1;
        if (size > texts.len) return error.Truncated;
        line.* = .{ .name = texts[0..name], .value = texts[name + 1 ..][0..value] };
        texts = texts[@intCast(size)..];
    }
    return lines;
}

fn number(bytes: []const u8, at: usize) u32 {
    return std.mem.readInt(u32, bytes[at..][0..4], .little);
}

fn apply(name: []const u8, write: core.Write) void {
    const map = request_headers;
    _ = switch (write) {
        .keep => return,
        .remove => env.proxy_remove_header_map_value(map, name.ptr, name.len),
        .set => |value| env.proxy_replace_header_map_value(
            map,
            name.ptr,
            name.len,
            value.ptr,
            value.len,
        ),
    };
}

/// In Envoy these are filter state objects, with `wasm.` in front of their names.
fn tell(engine: *const core.Engine, outcome: core.Outcome) void {
    if (outcome.lane) |lane| setProperty("colorfast.lane", lane);
    if (outcome.rule) |rule| setProperty("colorfast.rule", rule);
    setProperty("colorfast.policy", engine.digest);
}

fn setProperty(path: []const u8, value: []const u8) void {
    _ = env.proxy_set_property(path.ptr, path.len, value.ptr, value.len);
}

/// Whether the service was here: clients cannot write metadata.
fn isDecided() bool {
    return property("metadata\x00filter_metadata\x00colorfast\x00policy") != null;
}

fn sourceAddress(_: *core.Host) []const u8 {
    return property("source\x00address") orelse "";
}

fn property(path: []const u8) ?[]const u8 {
    var out: ?[*]u8 = null;
    var length: usize = 0;
    const status = env.proxy_get_property(path.ptr, path.len, &out, &length);
    return returned(status, out, length);
}

/// proxy-wasm has no random numbers of its own; WASI has, and hosts may withhold it. A share of
/// traffic is no secret, so the time is as good a seed.
fn random(_: *core.Host) u64 {
    if (randomness == null) {
        var seed: u64 = 0;
        if (env.random_get(std.mem.asBytes(&seed).ptr, @sizeOf(u64)) != ok or seed == 0) {
            _ = env.proxy_get_current_time_nanoseconds(&seed);
        }
        randomness = .init(seed);
    }
    return randomness.?.next();
}

fn returned(status: u32, out: ?[*]u8, length: usize) ?[]const u8 {
    if (status != ok) return null;
    if (length == 0) return "";
    return (out orelse return null)[0..length];
}

fn say(level: Level, comptime format: []const u8, arguments: anytype) void {
    var line: [512]u8 = undefined;
    const text = std.fmt.bufPrint(&line, format, arguments) catch return;
    _ = env.proxy_log(@backingInt(level), text.ptr, text.len);
}

/// A trap is all that is left when a safety check fails; say which one it was.
pub const panic = std.debug.FullPanic(struct {
    fn call(message: []const u8, _: ?usize) noreturn {
        _ = env.proxy_log(@backingInt(Level.critical), message.ptr, message.len);
        @trap();
    }
}.call);
