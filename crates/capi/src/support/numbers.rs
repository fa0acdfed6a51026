//! The numbers by which C knows the variants of Rust's enums, each declared once.
//!
//! `numbers!` declares those that C reads, `choices!` those that C also gives. `tests/capi/header.rs`
//! turns both into the `#define`s of the header, and `tests/capi/numbers.rs` fails for a variant that
//! has no number.

use torrent_patron::set::{BitSet, Element};

/// An enum whose variants have numbers in C.
pub(crate) trait Numbered {
    fn number(&self) -> i32;
}

/// An enum that C chooses from.
pub(crate) trait Choice: Numbered + Copy + 'static {
    const ALL: &'static [Self];

    fn from_number(number: i32) -> Option<Self> {
        Self::ALL.iter().copied().find(|choice| choice.number() == number)
    }
}

/// Of a set of flags, all its numbers combined.
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
                    // A test holds that there is none.
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
