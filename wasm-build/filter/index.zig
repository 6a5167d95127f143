//! First match wins, at a cost that does not grow with the number of exact-match rules.
//!
//! Theory of operation. Every entry that demands an exact value somewhere (`exact`, or each value
//! of `in`) is filed under one such demand, its *anchor*: of several, the one that the fewest
//! entries share. A request looks its own values up, so it meets only entries whose anchor it
//! satisfies; the entries without an anchor are tried in order. Ranks keep the order of the file: a
//! candidate is tried only while it would come before the best one found so far.

const std = @import("std");
const Allocator = std.mem.Allocator;
const config = @import("config.zig");
const Dfa = @import("dfa.zig").Dfa;
const Matcher = @import("match.zig").Matcher;
const folded = @import("match.zig").folded;
const Request = @import("request.zig").Request;
const Slot = @import("slots.zig").Slot;
const Slots = @import("slots.zig").Slots;
const Texts = @import("maps.zig").Texts;

const Test = struct {
    slot: Slot,
    matcher: Matcher,

    fn holds(one: *const Test, request: *Request) !bool {
        if (one.matcher.fold) return one.matcher.holds(try request.readFolded(one.slot));
        return one.matcher.holds(try request.read(one.slot));
    }
};

/// An entry of the rule at `rank`; `tests` is what its anchor has not proved yet.
const Candidate = struct {
    rank: u32,
    tests: []const Test,

    fn holds(candidate: *const Candidate, request: *Request) !bool {
        for (candidate.tests) |*one| if (!try one.holds(request)) return false;
        return true;
    }
};

/// Candidates by the value that they demand, in the order of their ranks.
const Table = struct {
    map: Texts(Demand) = .empty,
    /// A longer value need not be looked up.
    longest: usize = 0,

    const Demand = struct {
        entries: u32 = 0,
        candidates: std.ArrayList(Candidate) = .empty,
    };

    fn add(table: *Table, arena: Allocator, value: []const u8) !void {
        const found = try table.map.getOrPut(arena, value);
        if (!found.found_existing) found.value_ptr.* = .{};
        found.value_ptr.entries += 1;
        table.longest = @max(table.longest, value.len);
    }

    fn of(table: *const Table, value: []const u8) []const Candidate {
        if (value.len > table.longest) return &.{};
        const found = table.map.getPtr(value) orelse return &.{};
        return found.candidates.items;
    }
};

/// The tables of one slot.
const Tables = struct {
    plain: Table = .{},
    lower: Table = .{},
    used: bool = false,

    fn of(tables: *Tables, fold: bool) *Table {
        return if (fold) &tables.lower else &tables.plain;
    }
};

pub const Index = struct {
    rules: u32,
    scan: []const Candidate,
    tables: []const Tables,
    /// Slots with tables whose value every request may have: path, host.
    single: []const Slot,
    /// Whether a header, a cookie or a parameter has a table.
    named: [3]bool,

    const by_name = [3]config.Source{ .header, .cookie, .query };

    /// The rank of the first rule that matches.
    pub fn first(index: *const Index, request: *Request) !?u32 {
        var best = index.rules;
        for (index.single) |slot| best = try index.lookUp(request, slot, best);
        for (by_name, index.named) |source, used| {
            if (!used) continue;
            var slots = try request.present(source);
            while (slots.next()) |slot| best = try index.lookUp(request, slot, best);
        }
        best = try firstOf(index.scan, request, best);
        return if (best < index.rules) best else null;
    }

    fn lookUp(index: *const Index, request: *Request, slot: Slot, best: u32) !u32 {
        const tables = &index.tables[slot];
        if (!tables.used) return best;
        var rank = best;
        if (tables.plain.map.count() > 0) {
            const value = try request.read(slot) orelse return best;
            rank = try firstOf(tables.plain.of(value), request, rank);
        }
        if (tables.lower.map.count() > 0) {
            const value = try request.readFolded(slot) orelse return best;
            rank = try firstOf(tables.lower.of(value), request, rank);
        }
        return rank;
    }

    fn firstOf(candidates: []const Candidate, request: *Request, best: u32) !u32 {
        for (candidates) |*candidate| {
            if (candidate.rank >= best) break;
            if (try candidate.holds(request)) return candidate.rank;
        }
        return best;
    }
};

/// Gathers the rules' conditions and files their entries.
pub const Builder = struct {
    arena: Allocator,
    slots: *Slots,
    dfas: []const Dfa,
    tables: std.ArrayList(Tables) = .empty,
    scan: std.ArrayList(Candidate) = .empty,

    /// First of all for every rule: an anchor is chosen by how many entries share its demands.
    pub noinline fn count(builder: *Builder, rule: config.Rule) !void {
        for (rule.match) |entry| for (entry) |condition| {
            const slot = try builder.slotOf(condition);
            if (!isDemand(condition)) continue;
            const table = builder.tables.items[slot].of(condition.ignoreCase);
            for (condition.values) |value| {
                const key = try folded(builder.arena, value, condition.ignoreCase);
                try table.add(builder.arena, key);
            }
        };
    }

    pub fn file(builder: *Builder, rank: u32, rule: config.Rule) !void {
        if (rule.match.len == 0) {
            try builder.scan.append(builder.arena, .{ .rank = rank, .tests = &.{} });
        }
        for (rule.match) |entry| try builder.fileEntry(rank, entry);
    }

    pub noinline fn finish(builder: *Builder, rules: u32) !Index {
        // Slots that only sticky keys or stations read have no table.
        try builder.growTo(builder.slots.attributes.items.len);
        var single: std.ArrayList(Slot) = .empty;
        var named: [3]bool = @splat(false);
        for (builder.tables.items, builder.slots.attributes.items, 0..) |tables, attribute, slot| {
            if (!tables.used) continue;
            for (Index.by_name, &named) |source, *used| {
                if (attribute.source == source) used.* = true;
            }
            if (attribute.source == .path or attribute.source == .host) {
                try single.append(builder.arena, @intCast(slot));
            }
        }
        return .{
            .rules = rules,
            .scan = builder.scan.items,
            .tables = builder.tables.items,
            .single = single.items,
            .named = named,
        };
    }

    noinline fn fileEntry(builder: *Builder, rank: u32, entry: []const config.Condition) !void {
        const anchor = try builder.anchorOf(entry);
        var tests: std.ArrayList(Test) = .empty;
        for (entry, 0..) |condition, at| {
            const matcher: Matcher = try .init(builder.arena, condition, builder.dfas);
            if (at == anchor) continue;
            const slot = try builder.slotOf(condition);
            try tests.append(builder.arena, .{ .slot = slot, .matcher = matcher });
        }
        const candidate: Candidate = .{ .rank = rank, .tests = tests.items };
        if (anchor) |at| {
            try builder.fileUnder(entry[at], candidate);
        } else {
            try builder.scan.append(builder.arena, candidate);
        }
    }

    noinline fn fileUnder(builder: *Builder, condition: config.Condition, candidate: Candidate) !void {
        const tables = &builder.tables.items[try builder.slotOf(condition)];
        tables.used = true;
        for (condition.values) |value| {
            const key = try folded(builder.arena, value, condition.ignoreCase);
            const found = tables.of(condition.ignoreCase).map.getPtr(key).?;
            try found.candidates.append(builder.arena, candidate);
        }
    }

    noinline fn anchorOf(builder: *Builder, entry: []const config.Condition) !?usize {
        var best: ?usize = null;
        var least: u32 = std.math.maxInt(u32);
        for (entry, 0..) |condition, at| {
            if (!isDemand(condition)) continue;
            const shared = try builder.popularity(condition);
            if (shared >= least) continue;
            best = at;
            least = shared;
        }
        return best;
    }

    fn popularity(builder: *Builder, condition: config.Condition) !u32 {
        const table = builder.tables.items[try builder.slotOf(condition)].of(condition.ignoreCase);
        var most: u32 = 0;
        for (condition.values) |value| {
            const key = try folded(builder.arena, value, condition.ignoreCase);
            most = @max(most, table.map.get(key).?.entries);
        }
        return most;
    }

    fn slotOf(builder: *Builder, condition: config.Condition) !Slot {
        const slot = try builder.slots.intern(builder.arena, condition.source, condition.name);
        try builder.growTo(slot + 1);
        return slot;
    }

    fn growTo(builder: *Builder, length: usize) !void {
        const missing = length -| builder.tables.items.len;
        try builder.tables.appendNTimes(builder.arena, .{}, missing);
    }

    fn isDemand(condition: config.Condition) bool {
        if (condition.not or condition.values.len == 0) return false;
        return condition.kind == .exact or condition.kind == .in;
    }
};
