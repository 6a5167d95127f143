//! Everything that `zig test` runs.

test {
    _ = @import("address.zig");
    _ = @import("baggage.zig");
    _ = @import("dfa.zig");
    _ = @import("lanes.zig");
    _ = @import("library.zig");
    _ = @import("maps.zig");
    _ = @import("match.zig");
    _ = @import("message.zig");
    _ = @import("request.zig");
    _ = @import("scan.zig");
    _ = @import("slots.zig");
    _ = @import("split.zig");
    _ = @import("texts.zig");
    _ = @import("core_test.zig");
    _ = @import("fuzz_test.zig");
}
