//! Parts of a request's texts.

const std = @import("std");
const Allocator = std.mem.Allocator;
const scan = @import("scan.zig");

/// The part before the query.
pub fn pathOf(target: []const u8) []const u8 {
    return target[0 .. scan.find(target, 0, '?') orelse target.len];
}

/// The host of `host:port`, `[ip]:port` or of either without a port.
pub fn withoutPort(authority: []const u8) []const u8 {
    const colon = std.mem.findScalarLast(u8, authority, ':') orelse return authority;
    // Inside brackets it is part of an IPv6 address.
    if (std.mem.findScalar(u8, authority[colon..], ']') != null) return authority;
    return authority[0..colon];
}

/// The address of `ip:port` or `[ip]:port`; empty when there is none.
pub fn ipOf(address: []const u8) []const u8 {
    if (address.len > 0 and address[0] == '[') {
        const end = std.mem.findScalar(u8, address, ']') orelse address.len;
        return address[1..end];
    }
    const colon = std.mem.findScalar(u8, address, ':') orelse return address;
    const one = std.mem.findScalarPos(u8, address, colon + 1, ':') == null;
    return if (one) address[0..colon] else address;
}

/// RFC 3986 section 2.1: `+` is an ordinary octet, and a broken escape stays as it is.
pub fn decoded(arena: Allocator, text: []const u8) ![]const u8 {
    if (scan.find(text, 0, '%') == null) return text;
    const buffer = try arena.alloc(u8, text.len);
    var length: usize = 0;
    var at: usize = 0;
    while (at < text.len) {
        const octet = escape(text[at..]);
        buffer[length] = octet orelse text[at];
        length += 1;
        at += if (octet == null) 1 else 3;
    }
    return buffer[0..length];
}

fn escape(text: []const u8) ?u8 {
    if (text.len < 3 or text[0] != '%') return null;
    const high = std.fmt.charToDigit(text[1], 16) catch return null;
    const low = std.fmt.charToDigit(text[2], 16) catch return null;
    return high << 4 | low;
}

const testing = std.testing;

test "an address may have a port, and an IPv6 address brackets" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "10.0.0.1:5", "10.0.0.1" }, .{ "10.0.0.1", "10.0.0.1" }, .{ "[::1]:5", "::1" },
        .{ "::1", "::1" },             .{ "", "" },                 .{ "[", "" },
    };
    for (cases) |case| try testing.expectEqualStrings(case[1], ipOf(case[0]));
}

test "only a colon behind the brackets is a port's" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "h:80", "h" }, .{ "[::1]:80", "[::1]" }, .{ "[::1]", "[::1]" }, .{ "a:b:c", "a:b" },
        .{ "h:", "h" },   .{ "]:x", "]" },          .{ "", "" },
    };
    for (cases) |case| try testing.expectEqualStrings(case[1], withoutPort(case[0]));
}
