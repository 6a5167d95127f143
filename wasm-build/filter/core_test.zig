//! The core by itself, without a proxy: what it refuses, and the letter of the two stations.
//!
//! Every matcher and every corner of the writes is compared with the reference from outside; here
//! is what only this side can see.

const std = @import("std");
const core = @import("core.zig");
const testing = std.testing;

const head =
    \\{"version":1,"policy":"0123456789abcdef","header":"x-lane","member":"lane","lanes":["base","canary","pr-*"],
;

pub const Proxy = struct {
    host: core.Host = .{ .sourceAddress = sourceAddress, .random = random },
    address: []const u8 = "",
    asked: usize = 0,
    bucket: u64 = 0,

    fn sourceAddress(host: *core.Host) []const u8 {
        const proxy: *Proxy = @fieldParentPtr("host", host);
        proxy.asked += 1;
        return proxy.address;
    }

    fn random(host: *core.Host) u64 {
        const proxy: *Proxy = @fieldParentPtr("host", host);
        return proxy.bucket;
    }
};

const Station = struct {
    arena: std.heap.ArenaAllocator,
    engine: core.Engine,
    proxy: Proxy = .{},

    fn init(json: []const u8) !Station {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        errdefer arena.deinit();
        var reason: core.Reason = .{};
        const engine = core.Engine.init(arena.allocator(), json, &reason) catch |failure| {
            std.debug.print("{s}\n", .{reason.text});
            return failure;
        };
        return .{ .arena = arena, .engine = engine };
    }

    fn deinit(station: *Station) void {
        station.arena.deinit();
    }

    fn decide(station: *Station, lines: []const core.Line) !core.Outcome {
        return station.engine.decide(station.arena.allocator(), lines, &station.proxy.host);
    }

    fn expect(station: *Station, lines: []const core.Line, wanted: core.Outcome) !void {
        try testing.expectEqualDeep(wanted, try station.decide(lines));
    }
};

test "an entrance dyes, and takes what a client sent" {
    var station: Station = try .init(head ++
        \\"station":"dye","default":"base","rules":[
        \\{"name":"pc","match":[[{"source":"header","name":"agent","kind":"exact","values":["pc"]}]],"lane":"canary"}]}
    );
    defer station.deinit();
    try station.expect(&.{
        .{ .name = "agent", .value = "pc" },
        .{ .name = "x-lane", .value = "evil" },
        .{ .name = "baggage", .value = "a=1, lane=evil" },
        .{ .name = "baggage", .value = "b" },
    }, .{ .lane = "canary", .rule = "pc", .header = .{ .set = "canary" }, .baggage = .{ .set = "lane=canary,a=1,b" } });
    try station.expect(&.{}, .{ .lane = "base", .header = .{ .set = "base" }, .baggage = .{ .set = "lane=base" } });
}

test "an entrance without a lane writes only where a client wrote" {
    var station: Station = try .init(head ++
        \\"station":"dye"}
    );
    defer station.deinit();
    try station.expect(&.{}, .{});
    try station.expect(&.{.{ .name = "baggage", .value = "a=1" }}, .{});
    try station.expect(&.{.{ .name = "x-lane", .value = "base" }}, .{ .header = .remove });
    try station.expect(&.{.{ .name = "baggage", .value = "lane=base" }}, .{ .baggage = .remove });
    try station.expect(&.{.{ .name = "baggage", .value = "lane=base,a" }}, .{ .baggage = .{ .set = "a" } });
}

test "a hop makes header and member agree" {
    var station: Station = try .init(head ++
        \\"station":"carry"}
    );
    defer station.deinit();
    try station.expect(&.{.{ .name = "x-lane", .value = "evil" }}, .{});
    try station.expect(&.{.{ .name = "baggage", .value = "lane=pr-1;p" }}, .{ .lane = "pr-1", .header = .{ .set = "pr-1" } });
    try station.expect(&.{.{ .name = "x-lane", .value = "base" }}, .{
        .lane = "base",
        .baggage = .{ .set = "lane=base" },
    });
    try station.expect(&.{
        .{ .name = "x-lane", .value = "base" },
        .{ .name = "x-lane", .value = "base" },
        .{ .name = "baggage", .value = "lane=base" },
    }, .{ .lane = "base", .header = .{ .set = "base" } });
}

test "what cannot be read is stripped at an entrance and left alone at a hop" {
    inline for (.{ .{ "dye", core.Write.remove }, .{ "carry", core.Write.keep } }) |case| {
        var station: Station = try .init(head ++ "\"station\":\"" ++ case[0] ++ "\"}");
        defer station.deinit();
        try testing.expectEqualDeep(core.Outcome{ .header = case[1], .baggage = case[1] }, station.engine.failsafe());
    }
}

test "the address is asked for once, and only when a rule gets to it" {
    var station: Station = try .init(head ++
        \\"station":"dye","rules":[
        \\{"name":"a","match":[[{"source":"header","name":"a","kind":"exact","values":["1"]},{"source":"sourceIp","kind":"cidr","values":["10.0.0.0/8"]}]],"lane":"canary"},
        \\{"name":"b","match":[[{"source":"header","name":"a","kind":"exact","values":["1"]},{"source":"sourceIp","kind":"cidr","values":["11.0.0.0/8"]}]],"lane":"base"}]}
    );
    defer station.deinit();
    station.proxy.address = "11.0.0.1:80";
    _ = try station.decide(&.{});
    try testing.expectEqual(0, station.proxy.asked);
    const outcome = try station.decide(&.{.{ .name = "a", .value = "1" }});
    try testing.expectEqualStrings("b", outcome.rule.?);
    try testing.expectEqual(1, station.proxy.asked);
}

test "a station that agrees with the request writes nothing" {
    const lines = [_]core.Line{
        .{ .name = "x-lane", .value = "pr-1" },
        .{ .name = "baggage", .value = "a=1,lane=pr-1" },
    };
    var hop: Station = try .init(head ++ "\"station\":\"carry\"}");
    defer hop.deinit();
    try hop.expect(&lines, .{ .lane = "pr-1" });
    var edge: Station = try .init(head ++ "\"station\":\"dye\",\"edge\":{\"accept\":[\"pr-*\"]}}");
    defer edge.deinit();
    try edge.expect(&lines, .{ .lane = "pr-1", .baggage = .{ .set = "lane=pr-1,a=1" } });
}

test "a random bucket falls into its share" {
    var station: Station = try .init(head ++
        \\"station":"dye","rules":[{"name":"r","split":{"by":[{"source":"cookie","name":"uid"}],"salt":"s","shares":[{"lane":"canary","weight":1},{"lane":"base","weight":9999}],"otherwise":null}}]}
    );
    defer station.deinit();
    for ([_]struct { u64, []const u8 }{ .{ 0, "canary" }, .{ 1, "base" }, .{ 9_999, "base" }, .{ 10_000, "canary" } }) |case| {
        station.proxy.bucket = case[0];
        try testing.expectEqualStrings(case[1], (try station.decide(&.{})).lane.?);
    }
}

test "a policy of a thousand headers looks at those that a request has" {
    var json: std.ArrayList(u8) = .empty;
    defer json.deinit(testing.allocator);
    try json.appendSlice(testing.allocator, head ++ "\"station\":\"dye\",\"rules\":[");
    for (0..1000) |number| {
        try json.print(testing.allocator,
            \\{s}{{"name":"r{d}","match":[[{{"source":"header","name":"h{d}","kind":"exact","values":["1"]}}]],"lane":"canary"}}
        , .{ if (number > 0) "," else "", number, number });
    }
    try json.appendSlice(testing.allocator, "]}");
    var station: Station = try .init(json.items);
    defer station.deinit();
    const both = try station.decide(&.{ .{ .name = "h999", .value = "1" }, .{ .name = "h500", .value = "1" } });
    try testing.expectEqualStrings("r500", both.rule.?);
    try testing.expectEqual(null, (try station.decide(&.{.{ .name = "h999", .value = "2" }})).rule);
}

test "what makes no sense is refused, with the place" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "", "not a configuration: UnexpectedEndOfInput at byte 0" },
        .{ "{}", "not a configuration: MissingField at byte 2" },
        .{ head ++ "\"station\":\"dry\"}", "not a configuration: InvalidEnumTag at byte 123" },
        .{ head ++ "\"station\":\"dye\",\"rule\":[]}", "not a configuration: UnknownField at byte 130" },
        .{ head ++ "\"station\":\"dye\"}x", "not a configuration: SyntaxError at byte 124" },
        .{ "{\"version\":2,\"policy\":\"\",\"header\":\"\",\"member\":\"\",\"lanes\":[],\"station\":\"dye\"}", "version 2 is not 1: plugin and configuration are of different releases" },
        .{ "{\"version\":1,\"policy\":\"\",\"header\":\"\",\"member\":\"\",\"lanes\":[],\"station\":\"dye\"}", "header is empty" },
        .{ "{\"version\":1,\"policy\":\"\",\"header\":\"x\",\"member\":\"a b\",\"lanes\":[],\"station\":\"dye\"}", "member is not a token" },
        .{ "{\"version\":1,\"policy\":\"\",\"header\":\"x\",\"member\":\"l\",\"lanes\":[\"A\"],\"station\":\"dye\"}", "lanes has an entry that is neither a lane nor a family" },
        .{ head ++ "\"station\":\"dye\",\"default\":\"x\"}", "default: x is not in lanes" },
        .{ head ++ "\"station\":\"dye\",\"edge\":{\"accept\":[\"-\"]}}", "edge.accept has an entry that is neither a lane nor a family" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\"}]}", "rule r has neither lane nor split" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\",\"lane\":\"x\"}]}", "r: x is not in lanes" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\",\"lane\":\"base\",\"match\":[[{\"source\":\"path\",\"kind\":\"regex\"}]]}]}", "rules[0]: NoSuchRegex" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\",\"lane\":\"base\",\"match\":[[{\"source\":\"path\",\"kind\":\"in\"}]]}]}", "rules[0]: WrongNumberOfValues" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\",\"lane\":\"base\",\"match\":[[{\"source\":\"sourceIp\",\"kind\":\"cidr\",\"values\":[\"::/200\"]}]]}]}", "rules[0]: NotABlock" },
        .{ head ++ "\"station\":\"dye\",\"rules\":[{\"name\":\"r\",\"split\":{\"by\":[],\"salt\":\"\",\"shares\":[{\"lane\":\"base\",\"weight\":9999}]}}]}", "rule r: the weights sum to 9999" },
        .{ head ++ "\"station\":\"dye\",\"regexes\":[{\"classes\":\"\",\"width\":1,\"table\":\"\",\"accepting\":\"\"}]}", "regexes[0] is not a table" },
    };
    for (cases) |case| {
        var arena: std.heap.ArenaAllocator = .init(testing.allocator);
        defer arena.deinit();
        var reason: core.Reason = .{};
        try testing.expectError(error.Refused, core.Engine.init(arena.allocator(), case[0], &reason));
        try testing.expectEqualStrings(case[1], reason.text);
    }
}

test "want of memory is an error and never a trap" {
    const json = head ++
        \\"station":"dye","rules":[{"name":"r","match":[[{"source":"host","kind":"in","values":["a","b"],"ignoreCase":true}]],"lane":"canary"}]}
    ;
    try testing.checkAllAllocationFailures(testing.allocator, configureAndDecide, .{json});
}

fn configureAndDecide(allocator: std.mem.Allocator, json: []const u8) !void {
    var arena: std.heap.ArenaAllocator = .init(allocator);
    defer arena.deinit();
    var reason: core.Reason = .{};
    var engine: core.Engine = try .init(arena.allocator(), json, &reason);
    var proxy: Proxy = .{};
    var scratch: std.heap.ArenaAllocator = .init(allocator);
    defer scratch.deinit();
    const outcome = try engine.decide(scratch.allocator(), &.{
        .{ .name = ":authority", .value = "A:80" },
        .{ .name = "baggage", .value = "a,lane=x" },
        .{ .name = "baggage", .value = "b" },
    }, &proxy.host);
    try testing.expectEqualStrings("lane=canary,a,b", outcome.baggage.set);
}
