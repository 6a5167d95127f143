//! A policy made ready to decide: configuration in, then requests in and header writes out.
//!
//! Knows no proxy: `abi.zig` is one way to call it. Nothing here fails but for want of memory, and
//! every write is a lane of the policy or what the request held already.

const std = @import("std");
const Allocator = std.mem.Allocator;
const Slot = @import("slots.zig").Slot;
const Slots = @import("slots.zig").Slots;
const baggage = @import("baggage.zig");
const config = @import("config.zig");
const index = @import("index.zig");
const lanes = @import("lanes.zig");
const requests = @import("request.zig");
const setup = @import("setup.zig");
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

pub const Share = struct {
    lane: []const u8,
    /// One past the last bucket.
    end: u64,
};

pub const Split = struct {
    by: []const Slot,
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

pub const Gives = union(enum) {
    lane: []const u8,
    split: Split,
};

pub const Rule = struct {
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
    slots: *const Slots,
    header_slot: Slot,
    baggage_slot: Slot,
    request: requests.Request,

    /// Everything comes from `arena`, and `json` must outlive it.
    pub fn init(arena: Allocator, json: []const u8, reason: *Reason) !Engine {
        return setup.build(arena, try config.parse(arena, json, reason), reason);
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
            outcome.header = try engine.headerWrite(lane);
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
        var outcome: Outcome = .{ .lane = lane, .header = try engine.headerWrite(lane) };
        if (reading.ours != 1 or reading.valid != 1) {
            const rest = try engine.member.rest(arena, reading);
            outcome.baggage = .{ .set = try engine.member.write(arena, lane, rest.text) };
        }
        return outcome;
    }

    /// Writing what is there already would cost a call, and make the proxy pick a route again.
    fn headerWrite(engine: *Engine, lane: []const u8) !Write {
        const value = try engine.request.read(engine.header_slot) orelse return .{ .set = lane };
        // Several lines are one value with a comma in it, and no lane has a comma.
        return if (std.mem.eql(u8, value, lane)) .keep else .{ .set = lane };
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
