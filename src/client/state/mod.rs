//! What the client thread knows. Plain data: nothing here knows the engine.

pub(in crate::client) mod admission;
pub(in crate::client) mod torrents;
