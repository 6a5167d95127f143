//! A policy made ready to decide: configuration in, then requests in and header writes out.
//!
//! Knows no proxy: `abi.zig` is one way to call it. Nothing here fails but for want of memory, and
//! every write is a lane of the policy or what the request held already.

const std = @import("std");
const Allocator = std.mem.Allocator;
const baggage = @import("baggage.zig");
const config = @import("config.zig");
const Dfa = @import("dfa.zig").Dfa;
const index = @import("index.zig");
const lanes = @import("lanes.zig");
const requests = @import("request.zig");
const split = @import("split.zig");

pub const Host = requests.Host;
pub const Line = requests.Line;
pub const Reason = config.Reason;
pub const Station = config.Station;

pub const Write = union(enum) {
    keep,
    remove,
    /// One line instead of every line.
    set: []const u8,
};

/// What a station decided and what it writes.
pub const Outcome = struct {
    lane: ?[]const u8 = null,
    /// The rule that decided; null for the default, the client's own lane, and every carry.
    rule: ?[]const u8 = null,
    header: Write = .keep,
    baggage: Write = .keep,
};

const Share = struct {
    lane: []const u8,
    /// One past the last bucket.
    end: u64,
};

const Split = struct {
    by: []const requests.Slot,
    seed: u64,
    shares: []const Share,
    otherwise: ?[]const u8,

    fn laneOf(one: *const Split, bucket: u64) []const u8 {
        for (one.shares) |share| if (bucket < share.end) return share.lane;
        unreachable; // the shares were checked to hold every bucket
    }

    fn choose(one: *const Split, request: *requests.Request) ![]const u8 {
        for (one.by) |slot| {
            const key = try request.read(slot) orelse continue;
            if (key.len > 0) return one.laneOf(split.bucketOf(key, one.seed));
        }
        return one.otherwise orelse one.laneOf(request.host.random(request.host) % split.buckets);
    }
};

const Gives = union(enum) {
    lane: []const u8,
    split: Split,
};

const Rule = struct {
    name: []const u8,
    gives: Gives,
};

/// One policy at one station. For one thread: requests come one after the other.
pub const Engine = struct {
    digest: []const u8,
    station: Station,
    metadata: bool,
    fallback: bool,
    header: []const u8,
    member: baggage.Member,
    lanes: lanes.LaneSet,
    accept: lanes.LaneSet,
    edge: config.Edge,
    default: ?[]const u8,
    rules: []const Rule,
    rule_index: index.Index,
    slots: *const requests.Slots,
    header_slot: requests.Slot,
    baggage_slot: requests.Slot,
    request: requests.Request,

    /// Everything comes from `arena`, and `json` must outlive it.
    pub fn init(arena: Allocator, json: []const u8, reason: *Reason) !Engine {
        return build(arena, try config.parse(arena, json, reason), reason);
    }

    /// What the station writes on a request. What it says lasts as long as `arena` and `lines`.
    pub fn decide(engine: *Engine, arena: Allocator, lines: []const Line, host: *Host) !Outcome {
        try engine.request.begin(arena, lines, host);
        return switch (engine.station) {
            .dye => engine.dye(arena),
            .carry => engine.carry(arena),
        };
    }

    /// What to write when a request cannot be read: at an entrance, nothing of a client's lane
    /// may be left.
    pub fn failsafe(engine: *const Engine) Outcome {
        return switch (engine.station) {
            .dye => .{ .header = .remove, .baggage = .remove },
            .carry => .{},
        };
    }

    fn dye(engine: *Engine, arena: Allocator) !Outcome {
        const reading = try engine.readBaggage();
        var outcome: Outcome = .{ .lane = try engine.clientLane(reading) };
        if (outcome.lane == null) {
            outcome.lane = engine.default;
            if (try engine.rule_index.first(&engine.request)) |rank| {
                outcome.lane = try engine.laneOf(&engine.rules[rank]);
                outcome.rule = engine.rules[rank].name;
            }
        }
        if (outcome.lane) |lane| {
            outcome.header = .{ .set = lane };
            const rest = try engine.keptRest(arena, reading);
            outcome.baggage = .{ .set = try engine.member.write(arena, lane, rest) };
            return outcome;
        }
        // Removing what is not there would still make the proxy pick a route again.
        if (try engine.request.read(engine.header_slot) != null) outcome.header = .remove;
        if (reading.ours > 0) {
            const rest = try engine.keptRest(arena, reading);
            outcome.baggage = if (rest.len > 0) .{ .set = rest } else .remove;
        }
        return outcome;
    }

    fn carry(engine: *Engine, arena: Allocator) !Outcome {
        const reading = try engine.readBaggage();
        const lane = try engine.carriedLane(reading) orelse return .{};
        var outcome: Outcome = .{ .lane = lane, .header = .{ .set = lane } };
        if (reading.ours != 1 or reading.valid != 1) {
            const rest = try engine.member.rest(arena, reading);
            outcome.baggage = .{ .set = try engine.member.write(arena, lane, rest.text) };
        }
        return outcome;
    }

    fn readBaggage(engine: *Engine) !baggage.Reading {
        const text = try engine.request.read(engine.baggage_slot) orelse return .{};
        return engine.member.read(&engine.lanes, text);
    }

    fn carriedLane(engine: *Engine, reading: baggage.Reading) !?[]const u8 {
        if (reading.lane) |lane| return lane;
        const value = try engine.request.read(engine.header_slot) orelse return null;
        return if (engine.lanes.admits(value)) value else null;
    }

    fn clientLane(engine: *Engine, reading: baggage.Reading) !?[]const u8 {
        if (engine.accept.isEmpty()) return null;
        const lane = try engine.carriedLane(reading) orelse return null;
        return if (engine.accept.admits(lane)) lane else null;
    }

    fn laneOf(engine: *Engine, rule: *const Rule) ![]const u8 {
        return switch (rule.gives) {
            .lane => |lane| lane,
            .split => |*one| one.choose(&engine.request),
        };
    }

    fn keptRest(engine: *const Engine, arena: Allocator, reading: baggage.Reading) ![]const u8 {
        if (!engine.edge.keep) return "";
        const rest = try engine.member.rest(arena, reading);
        if (rest.pieces > engine.edge.maxMembers) return "";
        if (rest.text.len > engine.edge.maxBytes orelse rest.text.len) return "";
        return rest.text;
    }
};

fn build(arena: Allocator, wire: config.Config, reason: *Reason) !Engine {
    if (wire.version != config.version) {
        return reason.set("version {d} is not {d}: plugin and configuration are of different releases", .{ wire.version, config.version });
    }
    try checkName(wire.header, "header", reason);
    try checkName(wire.member, "member", reason);
    const all = try laneSet(arena, wire.lanes, "lanes", reason);
    const accept = try laneSet(arena, wire.edge.accept, "edge.accept", reason);
    if (wire.default) |lane| try checkLane(&all, lane, "default", reason);

    const slots = try arena.create(requests.Slots);
    slots.* = try .init(arena);
    const header_slot = try slots.intern(arena, .header, wire.header);
    const baggage_slot = try slots.intern(arena, .header, "baggage");
    const rules = try arena.alloc(Rule, wire.rules.len);
    var builder: index.Builder = .{ .arena = arena, .slots = slots, .dfas = try dfasOf(arena, wire.regexes, reason) };
    for (wire.rules, rules) |rule, *ready| {
        ready.* = .{ .name = rule.name, .gives = try givesOf(arena, slots, &all, rule, reason) };
        try builder.count(rule);
    }
    for (wire.rules, 0..) |rule, rank| builder.file(@intCast(rank), rule) catch |cause| switch (cause) {
        error.OutOfMemory => return error.OutOfMemory,
        else => return reason.set("rules[{d}]: {t}", .{ rank, cause }),
    };
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
        .rule_index = try builder.finish(@intCast(rules.len)),
        .slots = slots,
        .header_slot = header_slot,
        .baggage_slot = baggage_slot,
        .request = try .init(arena, slots),
    };
}

fn dfasOf(arena: Allocator, regexes: []const config.Regex, reason: *Reason) ![]const Dfa {
    const dfas = try arena.alloc(Dfa, regexes.len);
    for (dfas, regexes, 0..) |*dfa, regex, at| {
        dfa.* = Dfa.init(arena, regex) catch |cause| switch (cause) {
            error.OutOfMemory => return error.OutOfMemory,
            else => return reason.set("regexes[{d}] is not a table", .{at}),
        };
    }
    return dfas;
}

fn givesOf(arena: Allocator, slots: *requests.Slots, all: *const lanes.LaneSet, rule: config.Rule, reason: *Reason) !Gives {
    if (rule.lane) |lane| {
        if (rule.split != null) return reason.set("rule {s} has both lane and split", .{clip(rule.name)});
        try checkLane(all, lane, clip(rule.name), reason);
        return .{ .lane = lane };
    }
    const wire = rule.split orelse return reason.set("rule {s} has neither lane nor split", .{clip(rule.name)});
    const by = try arena.alloc(requests.Slot, wire.by.len);
    for (by, wire.by) |*slot, attribute| slot.* = try slots.intern(arena, attribute.source, attribute.name);
    const shares = try arena.alloc(Share, wire.shares.len);
    var end: u64 = 0;
    for (shares, wire.shares) |*share, one| {
        try checkLane(all, one.lane, clip(rule.name), reason);
        end += one.weight;
        share.* = .{ .lane = one.lane, .end = end };
    }
    if (end != split.buckets) return reason.set("rule {s}: the weights sum to {d}", .{ clip(rule.name), end });
    if (wire.otherwise) |lane| try checkLane(all, lane, clip(rule.name), reason);
    return .{ .split = .{ .by = by, .seed = split.seedOf(wire.salt), .shares = shares, .otherwise = wire.otherwise } };
}

fn laneSet(arena: Allocator, patterns: []const []const u8, comptime key: []const u8, reason: *Reason) !lanes.LaneSet {
    return lanes.LaneSet.init(arena, patterns) catch |cause| switch (cause) {
        error.OutOfMemory => error.OutOfMemory,
        error.NotALane => reason.set(key ++ " has an entry that is neither a lane nor a family", .{}),
    };
}

fn checkLane(all: *const lanes.LaneSet, lane: []const u8, place: []const u8, reason: *Reason) !void {
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
