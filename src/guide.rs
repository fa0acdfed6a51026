//! Guides to common tasks, one page for each.

#[doc = include_str!("../docs/guide/download.md")]
pub mod download {}
#[doc = include_str!("../docs/guide/stream.md")]
pub mod stream {}
#[doc = include_str!("../docs/guide/seed.md")]
pub mod seed {}
#[doc = include_str!("../docs/guide/many.md")]
pub mod many {}
#[doc = include_str!("../docs/guide/restart.md")]
pub mod restart {}
#[doc = include_str!("../docs/guide/embed.md")]
pub mod embed {}
#[doc = include_str!("../docs/guide/c.md")]
pub mod c {}
