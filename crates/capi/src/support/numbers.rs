//! The numbers that stand for the variants of Rust's enums in C, each declared once.
//!
//! `numbers!` declares numbers that C reads, `choices!` numbers that C also passes.
//! `tests/capi/header.rs` turns both into the `#define`s of the header, and `tests/capi/numbers.rs`
//! fails for a variant without a number.

use torrent_patron::set::{BitSet, Element};

/// An enum whose variants have numbers in C.
pub(crate) trait Numbered {
    fn number(&self) -> i32;
}

/// An enum whose variants C can pass.
pub(crate) trait Choice: Numbered + Copy + 'static {
    const ALL: &'static [Self];

    fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.number() == number)
    }
}

/// Combines the numbers of a set of flags.
pub(crate) fn bits<T: Numbered + Element>(set: BitSet<T>) -> i32 {
    set.iter().fold(0, |bits, one| bits | Numbered::number(&one))
}

macro_rules! numbers {
    ($enum:ident: $($(#[$doc:meta])* $name:ident = $number:literal => $variant:ident,)*) => {
        $($(#[$doc])* pub const $name: i32 = $number;)*

        impl $crate::support::numbers::Numbered for $enum {
            fn number(&self) -> i32 {
                match self {
                    $(Self::$variant { .. } => $name,)*
                    // A test ensures that there is none.
                    _ => 0,
                }
            }
        }
    };
}
pub(crate) use numbers;

macro_rules! choices {
    ($enum:ident: $($(#[$doc:meta])* $name:ident = $number:literal => $variant:ident,)*) => {
        $crate::support::numbers::numbers! {
            $enum: $($(#[$doc])* $name = $number => $variant,)*
        }

        impl $crate::support::numbers::Choice for $enum {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}
pub(crate) use choices;
