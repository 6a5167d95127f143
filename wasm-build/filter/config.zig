//! The plugin's configuration as it is written: JSON in, values out. `core.zig` checks their sense.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// The only version of this format that this build reads.
pub const version = 1;

pub const Station = enum { dye, carry };
pub const Source = enum { header, cookie, query, path, method, host, sourceIp };
pub const Kind = enum { exact, prefix, suffix, contains, regex, in, present, cidr };

pub const Attribute = struct {
    source: Source,
    name: []const u8 = "",
};

pub const Condition = struct {
    source: Source,
    name: []const u8 = "",
    kind: Kind,
    values: []const []const u8 = &.{},
    ignoreCase: bool = false,
    not: bool = false,
    /// Which of `Config.regexes`, for `regex`.
    regex: u32 = 0,
};

pub const Share = struct {
    lane: []const u8,
    weight: u32,
};

pub const Split = struct {
    by: []const Attribute,
    salt: []const u8,
    shares: []const Share,
    /// Null draws a bucket at random.
    otherwise: ?[]const u8 = null,
};

pub const Rule = struct {
    name: []const u8,
    /// Alternatives of conditions that must all hold; none at all matches every request.
    match: []const []const Condition = &.{},
    lane: ?[]const u8 = null,
    split: ?Split = null,
};

pub const Edge = struct {
    accept: []const []const u8 = &.{},
    keep: bool = true,
    maxMembers: u64 = 64,
    maxBytes: ?u64 = null,
};

/// Base64 of: 256 class numbers; one or two bytes an entry, little endian; one byte a state.
pub const Regex = struct {
    classes: []const u8,
    width: u32,
    table: []const u8,
    accepting: []const u8,
    dead: ?u32 = null,
};

pub const Config = struct {
    version: u32,
    /// The policy's digest.
    policy: []const u8,
    station: Station,
    header: []const u8,
    member: []const u8,
    lanes: []const []const u8,
    edge: Edge = .{},
    default: ?[]const u8 = null,
    regexes: []const Regex = &.{},
    rules: []const Rule = &.{},
    /// Tell Envoy's filter state which lane and rule it was.
    metadata: bool = false,
    /// Leave alone what the Colorfast service has decided.
    fallback: bool = false,
};

/// Why a configuration is refused, for Envoy's log.
pub const Reason = struct {
    buffer: [256]u8 = undefined,
    text: []const u8 = "out of memory",

    pub fn set(reason: *Reason, comptime format: []const u8, arguments: anytype) error{Refused} {
        reason.text = std.fmt.bufPrint(&reason.buffer, format, arguments) catch "too long to tell";
        return error.Refused;
    }
};

/// Texts are slices of `json` where they can be, so `json` must outlive the result.
pub noinline fn parse(arena: Allocator, json: []const u8, reason: *Reason) !Config {
    var scanner: std.json.Scanner = .initCompleteInput(arena, json);
    var place: std.json.Scanner.Diagnostics = .{};
    scanner.enableDiagnostics(&place);
    return std.json.parseFromTokenSourceLeaky(Config, arena, &scanner, .{}) catch |cause| {
        const byte = place.getByteOffset();
        return switch (cause) {
            error.OutOfMemory => error.OutOfMemory,
            else => reason.set("not a configuration: {t} at byte {d}", .{ cause, byte }),
        };
    };
}
