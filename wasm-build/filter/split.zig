//! Sticky splits: which bucket a key falls into.

const std = @import("std");
const XxHash64 = std.hash.XxHash64;

/// How many buckets a split has; weights are parts of this.
pub const buckets = 10_000;

/// The seed that `salt` stands for.
pub fn seedOf(salt: []const u8) u64 {
    return XxHash64.hash(0, salt);
}

/// Exactly Envoy's `consistent_hashing` input matcher.
pub fn bucketOf(key: []const u8, seed: u64) u64 {
    return XxHash64.hash(seed, key) % buckets;
}

test "the hash is the one of its specification" {
    // Without a seed, from the specification's implementation; a bucket by Envoy itself.
    try std.testing.expectEqual(0xef46db3751d8e999, seedOf(""));
    try std.testing.expectEqual(0xd24ec4f1a98c6e5b, seedOf("a"));
}
