//! IP addresses as text, and the blocks that they lie in.
//!
//! Exactly the grammar of Python's `ipaddress`, which the reference reads addresses with.

const std = @import("std");

pub const Address = struct {
    bits: u128,
    /// 32 or 128: an IPv4 address mapped into IPv6 is an IPv6 address.
    width: u8,

    pub fn parse(text: []const u8) ?Address {
        if (std.mem.findScalar(u8, text, ':') == null) {
            return .{ .bits = parseV4(text) orelse return null, .width = 32 };
        }
        return .{ .bits = parseV6(text) orelse return null, .width = 128 };
    }
};

pub const Block = struct {
    base: Address,
    length: u8,

    /// `address/length` without bits below the prefix.
    pub fn parse(text: []const u8) ?Block {
        const slash = std.mem.findScalarLast(u8, text, '/') orelse return null;
        const base = Address.parse(text[0..slash]) orelse return null;
        const length = parseDecimal(text[slash + 1 ..], 3) orelse return null;
        if (length > base.width) return null;
        return .{ .base = base, .length = @intCast(length) };
    }

    pub fn contains(block: Block, address: Address) bool {
        if (address.width != block.base.width) return false;
        const free = block.base.width - block.length;
        if (free >= 128) return true;
        const shift: u7 = @intCast(free);
        return (address.bits ^ block.base.bits) >> shift == 0;
    }
};

fn parseV4(text: []const u8) ?u32 {
    var bits: u32 = 0;
    var octets = std.mem.splitScalar(u8, text, '.');
    for (0..4) |_| {
        const octet = octets.next() orelse return null;
        if (octet.len > 1 and octet[0] == '0') return null;
        const value = parseDecimal(octet, 3) orelse return null;
        if (value > 255) return null;
        bits = bits << 8 | value;
    }
    return if (octets.next() == null) bits else null;
}

fn parseDecimal(text: []const u8, longest: usize) ?u32 {
    if (text.len == 0 or text.len > longest) return null;
    var value: u32 = 0;
    for (text) |byte| {
        if (byte < '0' or byte > '9') return null;
        value = value * 10 + (byte - '0');
    }
    return value;
}

fn parseV6(text: []const u8) ?u128 {
    var parts: Hextets = .{};
    var rest = withoutZone(text) orelse return null;
    if (rest.len > 0 and rest[0] == ':') {
        if (rest.len < 2 or rest[1] != ':') return null;
        parts.gap = 0;
        rest = rest[2..];
    }
    while (rest.len > 0) {
        const end = std.mem.findScalar(u8, rest, ':') orelse rest.len;
        const last = end == rest.len;
        if (end == 0) {
            if (parts.gap != null) return null;
            parts.gap = parts.count;
            rest = rest[1..];
            continue;
        }
        if (!parts.push(rest[0..end], last)) return null;
        if (last) return parts.join();
        rest = rest[end + 1 ..];
        // A colon at the very end has to be one of two.
        if (rest.len == 0) return null;
    }
    return parts.join();
}

/// RFC 4007 section 11: `fe80::1%eth0`.
fn withoutZone(text: []const u8) ?[]const u8 {
    const percent = std.mem.findScalar(u8, text, '%') orelse return text;
    const zone = text[percent + 1 ..];
    if (zone.len == 0 or std.mem.findAny(u8, zone, "%/") != null) return null;
    return text[0..percent];
}

const Hextets = struct {
    values: [8]u16 = @splat(0),
    count: usize = 0,
    /// How many hextets stand in front of `::`.
    gap: ?usize = null,

    fn push(parts: *Hextets, text: []const u8, last: bool) bool {
        if (last and std.mem.findScalar(u8, text, '.') != null) {
            const v4 = parseV4(text) orelse return false;
            return parts.append(@truncate(v4 >> 16)) and parts.append(@truncate(v4));
        }
        if (text.len > 4) return false;
        var value: u16 = 0;
        for (text) |byte| {
            const digit = std.fmt.charToDigit(byte, 16) catch return false;
            value = value << 4 | digit;
        }
        return parts.append(value);
    }

    fn append(parts: *Hextets, value: u16) bool {
        if (parts.count == parts.values.len) return false;
        parts.values[parts.count] = value;
        parts.count += 1;
        return true;
    }

    fn join(parts: *const Hextets) ?u128 {
        const missing = parts.values.len - parts.count;
        // `::` stands for at least one hextet.
        if ((parts.gap == null) != (missing == 0)) return null;
        var bits: u128 = 0;
        for (parts.values[0..parts.count], 0..) |value, at| {
            if (parts.gap == at) bits = shiftLeft(bits, missing);
            bits = bits << 16 | value;
        }
        return if (parts.gap == parts.count) shiftLeft(bits, missing) else bits;
    }

    fn shiftLeft(bits: u128, hextets: usize) u128 {
        return if (hextets >= 8) 0 else bits << @intCast(hextets * 16);
    }
};

const testing = std.testing;

fn expectAddress(bits: ?u128, text: []const u8) !void {
    const address = Address.parse(text);
    try testing.expectEqual(bits, if (address) |one| one.bits else null);
}

test "addresses as Python reads them" {
    try expectAddress(0x0a000001, "10.0.0.1");
    try expectAddress(0xffffffff, "255.255.255.255");
    try expectAddress(0, "::");
    try expectAddress(1, "::1");
    try expectAddress(1 << 112, "1::");
    try expectAddress(0x00010002000300040005000600070008, "1:2:3:4:5:6:7:8");
    try expectAddress(0x20010db8000000000000000000000001, "2001:DB8::1");
    try expectAddress(0xffff0a000001, "::ffff:10.0.0.1");
    try expectAddress(0xfe800000000000000000000000000001, "fe80::1%eth0");
    try expectAddress(0x00010002000300040005000600070000, "1:2:3:4:5:6:7::");
    for ([_][]const u8{
        "",          "1",           "1.2.3",     "1.2.3.4.5",         "01.2.3.4", "1.2.3.256",
        "1.2.3.",    "1.2.3.4 ",    "+1.2.3.4",  ":",                 ":::",      ":1",
        "1:",        "1::2::3",     "12345::",   "1:2:3:4:5:6:7:8:9", "1:2:3",    "::%",
        "::1%a%b",   "1.2.3.4%a",   "::1.2.3",   "1:2:3:4:5:6:7:8::", "::g",      "::1/64",
        "1.2.3.4::", "::1.2.3.4:5", "not an ip", "1:2:3:4:5:6:7:",    "%a",       "::1%a/1",
    }) |text| try expectAddress(null, text);
}

test "a block holds its addresses and no others" {
    const block = Block.parse("10.0.0.0/8").?;
    try testing.expect(block.contains(Address.parse("10.255.0.1").?));
    try testing.expect(!block.contains(Address.parse("11.0.0.1").?));
    try testing.expect(!block.contains(Address.parse("::ffff:10.0.0.1").?));
    try testing.expect(Block.parse("0.0.0.0/0").?.contains(Address.parse("1.2.3.4").?));
    try testing.expect(Block.parse("::/0").?.contains(Address.parse("::1").?));
    try testing.expect(Block.parse("::1/128").?.contains(Address.parse("::1").?));
    try testing.expect(!Block.parse("::1/128").?.contains(Address.parse("::2").?));
    for ([_][]const u8{ "10.0.0.0", "10.0.0.0/33", "::/129", "/8", "10.0.0.0/" }) |text| {
        try testing.expectEqual(null, Block.parse(text));
    }
}
