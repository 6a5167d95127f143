//! From a configuration to an engine: every check that takes more than one value to tell.
//!
//! What only configurations run is `noinline`, here and in the files that it calls: the memory that
//! V8 takes to compile grows with the largest function, by 4 MiB when this is all one.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Dfa = @import("dfa.zig").Dfa;
const LaneSet = @import("lanes.zig").LaneSet;
const Reason = config.Reason;
const Request = @import("request.zig").Request;
const Slot = @import("slots.zig").Slot;
const Slots = @import("slots.zig").Slots;
const config = @import("config.zig");
const core = @import("core.zig");
const index = @import("index.zig");
const split = @import("split.zig");

/// Texts are the configuration's own, so what `wire` points to must outlive the engine.
pub noinline fn build(arena: Allocator, wire: config.Config, reason: *Reason) !core.Engine {
    if (wire.version != config.version) {
        const why = "version {d} is not {d}: plugin and configuration are of different releases";
        return reason.set(why, .{ wire.version, config.version });
    }
    try checkName(wire.header, "header", reason);
    try checkName(wire.member, "member", reason);
    const all = try laneSet(arena, wire.lanes, "lanes", reason);
    const accept = try laneSet(arena, wire.edge.accept, "edge.accept", reason);
    if (wire.default) |lane| try checkLane(&all, lane, "default", reason);

    const slots = try arena.create(Slots);
    slots.* = try .init(arena);
    const header_slot = try slots.intern(arena, .header, wire.header);
    const baggage_slot = try slots.intern(arena, .header, "baggage");
    const rules = try arena.alloc(core.Rule, wire.rules.len);
    for (wire.rules, rules) |rule, *ready| {
        const gives = try givesOf(arena, slots, &all, rule, reason);
        ready.* = .{ .name = rule.name, .gives = gives };
    }
    // Only now are there all the slots that a request has a state for.
    const rule_index = try indexOf(arena, slots, wire, reason);
    const request: Request = try .init(arena, slots);
    return .{
        .digest = wire.policy,
        .station = wire.station,
        .metadata = wire.metadata,
        .fallback = wire.fallback,
        .header = wire.header,
        .member = .{ .key = wire.member },
        .lanes = all,
        .accept = accept,
        .edge = wire.edge,
        .default = wire.default,
        .rules = rules,
        .rule_index = rule_index,
        .slots = slots,
        .header_slot = header_slot,
        .baggage_slot = baggage_slot,
        .request = request,
    };
}

noinline fn indexOf(
    arena: Allocator,
    slots: *Slots,
    wire: config.Config,
    reason: *Reason,
) !index.Index {
    const dfas = try dfasOf(arena, wire.regexes, reason);
    var builder: index.Builder = .{ .arena = arena, .slots = slots, .dfas = dfas };
    for (wire.rules) |rule| try builder.count(rule);
    for (wire.rules, 0..) |rule, rank| {
        builder.file(@intCast(rank), rule) catch |cause| switch (cause) {
            error.OutOfMemory => return error.OutOfMemory,
            else => return reason.set("rules[{d}]: {t}", .{ rank, cause }),
        };
    }
    return builder.finish(@intCast(wire.rules.len));
}

noinline fn dfasOf(arena: Allocator, regexes: []const config.Regex, reason: *Reason) ![]const Dfa {
    const dfas = try arena.alloc(Dfa, regexes.len);
    for (dfas, regexes, 0..) |*dfa, regex, at| {
        dfa.* = Dfa.init(arena, regex) catch |cause| switch (cause) {
            error.OutOfMemory => return error.OutOfMemory,
            else => return reason.set("regexes[{d}] is not a table", .{at}),
        };
    }
    return dfas;
}

noinline fn givesOf(
    arena: Allocator,
    slots: *Slots,
    all: *const LaneSet,
    rule: config.Rule,
    reason: *Reason,
) !core.Gives {
    const name = clip(rule.name);
    if (rule.lane) |lane| {
        if (rule.split != null) return reason.set("rule {s} has both lane and split", .{name});
        try checkLane(all, lane, name, reason);
        return .{ .lane = lane };
    }
    const wire = rule.split orelse {
        return reason.set("rule {s} has neither lane nor split", .{name});
    };
    if (wire.otherwise) |lane| try checkLane(all, lane, name, reason);
    const by = try arena.alloc(Slot, wire.by.len);
    for (by, wire.by) |*slot, one| slot.* = try slots.intern(arena, one.source, one.name);
    return .{ .split = .{
        .by = by,
        .seed = split.seedOf(wire.salt),
        .shares = try sharesOf(arena, all, wire.shares, name, reason),
        .otherwise = wire.otherwise,
    } };
}

noinline fn sharesOf(
    arena: Allocator,
    all: *const LaneSet,
    wire: []const config.Share,
    name: []const u8,
    reason: *Reason,
) ![]const core.Share {
    const shares = try arena.alloc(core.Share, wire.len);
    var end: u64 = 0;
    for (shares, wire) |*share, one| {
        try checkLane(all, one.lane, name, reason);
        end += one.weight;
        share.* = .{ .lane = one.lane, .end = end };
    }
    if (end != split.buckets) return reason.set("rule {s}: the weights sum to {d}", .{ name, end });
    return shares;
}

noinline fn laneSet(
    arena: Allocator,
    patterns: []const []const u8,
    comptime key: []const u8,
    reason: *Reason,
) !LaneSet {
    return LaneSet.init(arena, patterns) catch |cause| switch (cause) {
        error.OutOfMemory => error.OutOfMemory,
        error.NotALane => {
            return reason.set(key ++ " has an entry that is neither a lane nor a family", .{});
        },
    };
}

fn checkLane(all: *const LaneSet, lane: []const u8, place: []const u8, reason: *Reason) !void {
    if (!all.admits(lane)) return reason.set("{s}: {s} is not in lanes", .{ place, clip(lane) });
}

/// RFC 9110 section 5.6.2 `token`: anything else would make the proxy refuse the whole request.
fn checkName(name: []const u8, comptime key: []const u8, reason: *Reason) !void {
    if (name.len == 0) return reason.set(key ++ " is empty", .{});
    for (name) |byte| switch (byte) {
        'a'...'z', 'A'...'Z', '0'...'9' => {},
        '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~' => {},
        else => return reason.set(key ++ " is not a token", .{}),
    };
}

fn clip(text: []const u8) []const u8 {
    return text[0..@min(text.len, 64)];
}
