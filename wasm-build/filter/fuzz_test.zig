//! Bounded fuzzing with fixed seeds: whatever the configuration, whatever the request, the core
//! neither traps nor writes what it must not. ReleaseSafe and Debug have the same checks.

const std = @import("std");
const core = @import("core.zig");
const dfa = @import("dfa.zig");
const Proxy = @import("core_test.zig").Proxy;
const testing = std.testing;

const configurations = 4_000;
const requests = 20_000;

/// Every source, kind and option once.
const everything =
    \\{"version":1,"policy":"p","station":"dye","header":"x-lane","member":"lane","lanes":["base","canary","pr-*"],
    \\"edge":{"accept":["canary","pr-*"],"keep":true,"maxMembers":3,"maxBytes":40},"default":null,
    \\"regexes":[{"classes":"CLASSES","width":2,"table":"TABLE","accepting":"ENDS","dead":2}],
    \\"rules":[
    \\{"name":"1","match":[[{"source":"header","name":"a","kind":"exact","values":["x"]},{"source":"cookie","name":"a","kind":"prefix","values":["x"],"not":true}]],"lane":"canary"},
    \\{"name":"2","match":[[{"source":"query","name":"a","kind":"in","values":["x","Y"],"ignoreCase":true}],[{"source":"path","kind":"suffix","values":["/x"]}]],"lane":"base"},
    \\{"name":"3","match":[[{"source":"host","kind":"contains","values":["xx"],"ignoreCase":true},{"source":"sourceIp","kind":"cidr","values":["10.0.0.0/8","::/3"]}]],"lane":"pr-1"},
    \\{"name":"4","match":[[{"source":"header","name":"b","kind":"regex","regex":0}],[{"source":"method","kind":"exact","values":["GET"]},{"source":"cookie","name":"b","kind":"present"}]],"lane":"canary"},
    \\{"name":"5","match":[[{"source":"query","name":"b","kind":"present"}]],"split":{"by":[{"source":"cookie","name":"a"},{"source":"sourceIp"}],"salt":"s","shares":[{"lane":"canary","weight":4000},{"lane":"base","weight":6000}],"otherwise":null}}]}
;

const words = [_][]const u8{
    "x",           "Y",   "xx",   "",     "a",  "b",        "canary", "base", "pr-1", "pr-",  "lane", "lane=", " lane = ",
    "lane=canary", "=",   ";",    ",",    " ",  "\t",       "/",      "?",    "&",    "%41",  "%",    "%4",    ":80",
    "[::1]",       "GET", "\xff", "\x00", "a=", "10.0.0.1", "::1",    "]",    "lan",  "evil", "b=x",  "/x",    "PR-1",
};
const texts = [_][]const u8{
    "header",  "cookie", "query", "path", "method", "host",       "sourceIp", "exact", "prefix", "suffix", "contains", "in",
    "present", "x",      "",      "base", "canary", "10.0.0.0/8", "::/0",     "name",  "AAAA",   "pr-*",   "not",      "1",
};
const names = [_][]const u8{
    "a", "b", "c", ":path", ":method", ":authority", "cookie", "baggage", "x-lane", "baggage", "x-lane", "cookie", "",
};

const Fuzz = struct {
    arena: std.mem.Allocator,
    random: std.Random,

    fn lines(fuzz: Fuzz) ![]core.Line {
        const many = try fuzz.arena.alloc(core.Line, fuzz.random.uintLessThan(usize, 12));
        for (many) |*line| line.* = .{ .name = fuzz.pick(&names), .value = try fuzz.text() };
        return many;
    }

    fn text(fuzz: Fuzz) ![]const u8 {
        var made: std.ArrayList(u8) = .empty;
        for (0..fuzz.random.uintLessThan(usize, 8)) |_| {
            try made.appendSlice(fuzz.arena, fuzz.pick(&words));
        }
        return made.items;
    }

    fn pick(fuzz: Fuzz, choices: []const []const u8) []const u8 {
        return choices[fuzz.random.uintLessThan(usize, choices.len)];
    }

    /// `json` with some bytes changed, put in, taken out or doubled.
    fn mutated(fuzz: Fuzz, json: []const u8) ![]const u8 {
        var made: std.ArrayList(u8) = .empty;
        try made.appendSlice(fuzz.arena, json);
        for (0..fuzz.random.intRangeAtMost(usize, 1, 2)) |_| {
            const at = fuzz.random.uintLessThan(usize, made.items.len);
            switch (fuzz.random.uintLessThan(u8, 12)) {
                0 => made.items[at] = fuzz.random.int(u8),
                1 => try made.insertSlice(fuzz.arena, at, fuzz.pick(&words)),
                2 => _ = made.orderedRemove(at),
                3 => made.items[at] = "0123456789{}[]\",:"[fuzz.random.uintLessThan(usize, 17)],
                4 => {
                    const end = @min(made.items.len, at + fuzz.random.uintLessThan(usize, 60));
                    try made.insertSlice(fuzz.arena, at, try fuzz.arena.dupe(u8, made.items[at..end]));
                },
                else => try fuzz.retold(&made, at),
            }
        }
        return made.items;
    }

    /// The next text that is a key's value becomes another one.
    fn retold(fuzz: Fuzz, made: *std.ArrayList(u8), at: usize) !void {
        const colon = std.mem.findPos(u8, made.items, at, ":\"") orelse return;
        const start = colon + 2;
        const end = std.mem.findScalarPos(u8, made.items, start, '"') orelse return;
        try made.replaceRange(fuzz.arena, start, end - start, fuzz.pick(&texts));
    }

    fn checked(fuzz: Fuzz, engine: *core.Engine) !void {
        var proxy: Proxy = .{ .address = try fuzz.text(), .bucket = fuzz.random.int(u64) };
        const sent = try fuzz.lines();
        const outcome = try engine.decide(fuzz.arena, sent, &proxy.host);
        if (outcome.lane) |lane| {
            try testing.expect(engine.lanes.admits(lane));
            try testing.expect(outcome.header != .remove);
        }
        switch (outcome.baggage) {
            .set => |line| {
                const reading = engine.member.read(&engine.lanes, line);
                try testing.expectEqual(@intFromBool(outcome.lane != null), reading.ours);
                try testing.expectEqualDeep(outcome.lane, reading.lane);
            },
            .remove => try testing.expectEqual(null, outcome.lane),
            .keep => {},
        }
        const left = try fuzz.after(engine, sent, outcome);
        if (outcome.lane) |lane| try expectOneLine(left, engine.header, lane);
        // What a station has written, it reads back as its own.
        const again = try engine.decide(fuzz.arena, left, &proxy.host);
        if (engine.station == .carry) try testing.expectEqualDeep(outcome.lane, again.lane);
        if (outcome.lane == null and engine.station == .dye) {
            try testing.expectEqual(core.Write.keep, again.header);
        }
    }

    fn after(fuzz: Fuzz, engine: *core.Engine, sent: []const core.Line, outcome: core.Outcome) ![]core.Line {
        var left: std.ArrayList(core.Line) = .empty;
        for (sent) |line| {
            if (outcome.header != .keep and std.mem.eql(u8, line.name, engine.header)) continue;
            if (outcome.baggage != .keep and std.mem.eql(u8, line.name, "baggage")) continue;
            try left.append(fuzz.arena, line);
        }
        if (outcome.header == .set) try left.append(fuzz.arena, .{ .name = engine.header, .value = outcome.header.set });
        if (outcome.baggage == .set) try left.append(fuzz.arena, .{ .name = "baggage", .value = outcome.baggage.set });
        return left.items;
    }
};

fn expectOneLine(lines: []const core.Line, name: []const u8, value: []const u8) !void {
    var found: usize = 0;
    for (lines) |line| {
        if (!std.mem.eql(u8, line.name, name)) continue;
        try testing.expectEqualStrings(value, line.value);
        found += 1;
    }
    try testing.expectEqual(1, found);
}

fn sample(arena: std.mem.Allocator, station: []const u8) ![]const u8 {
    const regex = try dfa.aPlus(arena);
    var json = try replaced(arena, everything, "CLASSES", regex.classes);
    json = try replaced(arena, json, "TABLE", regex.table);
    json = try replaced(arena, json, "ENDS", regex.accepting);
    return replaced(arena, json, "\"dye\"", station);
}

fn replaced(arena: std.mem.Allocator, text: []const u8, old: []const u8, new: []const u8) ![]const u8 {
    return std.mem.replaceOwned(u8, arena, text, old, new);
}

test "no request makes a station write what it must not" {
    var kept: std.heap.ArenaAllocator = .init(testing.allocator);
    defer kept.deinit();
    var scratch: std.heap.ArenaAllocator = .init(testing.allocator);
    defer scratch.deinit();
    var generator: std.Random.DefaultPrng = .init(1);
    for ([_][]const u8{ "\"dye\"", "\"carry\"" }) |station| {
        var reason: core.Reason = .{};
        const json = try sample(kept.allocator(), station);
        var engine: core.Engine = try .init(kept.allocator(), json, &reason);
        for (0..requests / 2) |_| {
            _ = scratch.reset(.retain_capacity);
            const fuzz: Fuzz = .{ .arena = scratch.allocator(), .random = generator.random() };
            try fuzz.checked(&engine);
        }
    }
}

test "a configuration is refused or works" {
    var scratch: std.heap.ArenaAllocator = .init(testing.allocator);
    defer scratch.deinit();
    var generator: std.Random.DefaultPrng = .init(2);
    var taken: usize = 0;
    for (0..configurations) |_| {
        _ = scratch.reset(.retain_capacity);
        const fuzz: Fuzz = .{ .arena = scratch.allocator(), .random = generator.random() };
        const json = try fuzz.mutated(try sample(fuzz.arena, "\"dye\""));
        var reason: core.Reason = .{};
        var engine = core.Engine.init(fuzz.arena, json, &reason) catch |failure| {
            try testing.expectEqual(error.Refused, failure);
            try testing.expect(reason.text.len > 0);
            continue;
        };
        taken += 1;
        for (0..5) |_| try fuzz.checked(&engine);
    }
    // Enough of either kind to mean something.
    try testing.expect(taken > configurations / 20);
    try testing.expect(taken < configurations - configurations / 20);
}

test "no bytes at all are a configuration by accident" {
    var scratch: std.heap.ArenaAllocator = .init(testing.allocator);
    defer scratch.deinit();
    var generator: std.Random.DefaultPrng = .init(3);
    var bytes: [64]u8 = undefined;
    for (0..configurations) |_| {
        _ = scratch.reset(.retain_capacity);
        const length = generator.random().uintLessThan(usize, bytes.len);
        generator.random().bytes(bytes[0..length]);
        var reason: core.Reason = .{};
        const result = core.Engine.init(scratch.allocator(), bytes[0..length], &reason);
        try testing.expectError(error.Refused, result);
    }
}
