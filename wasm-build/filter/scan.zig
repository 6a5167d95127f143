//! Looking for one byte, eight bytes a step: most of what a request costs is reading its texts.

const std = @import("std");

/// Where `byte` is first in `text`, from `start` on.
pub fn find(text: []const u8, start: usize, byte: u8) ?usize {
    const ones = 0x0101010101010101;
    const highs = 0x8080808080808080;
    const pattern = @as(u64, byte) * ones;
    var at = start;
    while (at + 8 <= text.len) : (at += 8) {
        const word = std.mem.readInt(u64, text[at..][0..8], .little) ^ pattern;
        // The lowest bit that is set belongs to the first byte that is zero.
        const zeros = (word -% ones) & ~word & highs;
        if (zeros != 0) return at + @ctz(zeros) / 8;
    }
    while (at < text.len) : (at += 1) {
        if (text[at] == byte) return at;
    }
    return null;
}

/// What stands between separators. An empty text is one empty piece.
pub const Pieces = struct {
    text: []const u8,
    separator: u8,
    position: usize = 0,

    pub fn next(pieces: *Pieces) ?[]const u8 {
        const start = pieces.position;
        if (start > pieces.text.len) return null;
        const end = find(pieces.text, start, pieces.separator) orelse pieces.text.len;
        pieces.position = end + 1;
        return pieces.text[start..end];
    }
};

test "a byte is found where it is first" {
    var text: [40]u8 = undefined;
    for (0..text.len + 1) |length| for (0..length + 1) |place| for (0..place + 1) |start| {
        // Neighbours that differ in one bit would show a borrow or a carry.
        for (text[0..length], 0..) |*byte, at| byte.* = if (at % 2 == 0) ',' + 1 else ',' - 1;
        if (place < length) @memset(text[place..length], ',');
        const wanted = if (place < length) place else null;
        try std.testing.expectEqual(wanted, find(text[0..length], start, ','));
    };
    for ([_]u8{ 0, 0x80, 0xff }) |byte| {
        try std.testing.expectEqual(8, find(&.{ 1, 2, 3, 4, 0x7f, 0x81, 0xfe, 9, byte }, 0, byte));
    }
}

test "pieces are those of a plain split" {
    for ([_][]const u8{ "", ",", "a", "a,b", ",a,,b,", "0123456789,0123456789" }) |text| {
        var pieces: Pieces = .{ .text = text, .separator = ',' };
        var plain = std.mem.splitScalar(u8, text, ',');
        while (plain.next()) |piece| try std.testing.expectEqualStrings(piece, pieces.next().?);
        try std.testing.expectEqual(null, pieces.next());
    }
}
