//! Sets of flags, event kinds and peer classes, each one machine word.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{BitAnd, BitOr, Sub};

/// A value that a [`BitSet`] can hold, identified by a number below 64. Only this crate's types
/// implement it.
pub trait Element: Copy + private::Sealed + 'static {
    /// The number of values. They are numbered from 0 to `COUNT - 1`.
    #[doc(hidden)]
    const COUNT: u32;

    /// The bits of the default set.
    #[doc(hidden)]
    const DEFAULT: u64 = 0;

    /// Returns the number of this value.
    #[doc(hidden)]
    fn number(self) -> u32;

    /// Returns the value with this number, which must be below [`COUNT`](Element::COUNT).
    #[doc(hidden)]
    fn with_number(number: u32) -> Self;
}

pub(crate) mod private {
    pub trait Sealed {}
}

/// A set of values from a small enum: [`EventKinds`](crate::event::EventKinds),
/// [`TorrentFlags`](crate::torrent::TorrentFlags), [`PeerSources`](crate::peer::PeerSources),
/// [`PeerClasses`](crate::peer::PeerClasses). It is `Copy`. The default is the empty set, except
/// for `EventKinds`.
///
/// With the feature `serde`, it is written as a list of its values.
///
/// ```
/// use torrent_patron::torrent::{TorrentFlag, TorrentFlags};
///
/// let flags = TorrentFlags::from([TorrentFlag::Sequential, TorrentFlag::NoDht]);
/// assert!(flags.contains(TorrentFlag::NoDht));
/// assert_eq!(flags.without(TorrentFlag::NoDht), TorrentFlag::Sequential.into());
/// assert_eq!((flags | TorrentFlag::NoPeerExchange.into()).len(), 3);
/// ```
pub struct BitSet<T>(u64, PhantomData<fn() -> T>);

impl<T> BitSet<T> {
    /// The empty set.
    pub const NONE: Self = Self(0, PhantomData);

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// Creates a set. Every bit that is set must belong to a value.
    pub(super) const fn of_bits(bits: u64) -> Self {
        Self(bits, PhantomData)
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the number of values in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }
}

impl<T: Element> BitSet<T> {
    /// The set of all values.
    pub const ALL: Self = Self(u64::MAX >> (64 - T::COUNT), PhantomData);

    /// Creates a set, ignoring bits that belong to no value.
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0, PhantomData)
    }

    fn bit(value: T) -> u64 {
        1u64.checked_shl(value.number()).unwrap_or(0) & Self::ALL.0
    }

    /// Returns the set with this value added.
    #[must_use]
    pub fn with(self, value: T) -> Self {
        Self(self.0 | Self::bit(value), PhantomData)
    }

    /// Returns the set without this value.
    #[must_use]
    pub fn without(self, value: T) -> Self {
        Self(self.0 & !Self::bit(value), PhantomData)
    }

    /// Returns whether the set contains this value.
    #[must_use]
    pub fn contains(self, value: T) -> bool {
        self.0 & Self::bit(value) != 0
    }

    /// Returns the values in the set, in the order of their numbers.
    pub fn iter(self) -> Iter<T> {
        Iter(self)
    }
}

/// The values of a [`BitSet`], in the order of their numbers.
#[derive(Clone)]
pub struct Iter<T>(BitSet<T>);

impl<T: Element> Iterator for Iter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let number = self.0.0.trailing_zeros();
        self.0.0 &= self.0.0.wrapping_sub(1);
        (number < T::COUNT).then(|| T::with_number(number))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl<T: Element> ExactSizeIterator for Iter<T> {}

impl<T: Element + fmt::Debug> fmt::Debug for Iter<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Element> IntoIterator for BitSet<T> {
    type Item = T;
    type IntoIter = Iter<T>;

    fn into_iter(self) -> Iter<T> {
        self.iter()
    }
}

impl<T> Clone for BitSet<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for BitSet<T> {}

impl<T> PartialEq for BitSet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for BitSet<T> {}

impl<T> std::hash::Hash for BitSet<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T: Element> Default for BitSet<T> {
    fn default() -> Self {
        Self::of_bits(T::DEFAULT)
    }
}

impl<T: Element> From<T> for BitSet<T> {
    fn from(value: T) -> Self {
        Self::NONE.with(value)
    }
}

impl<T: Element, const N: usize> From<[T; N]> for BitSet<T> {
    fn from(values: [T; N]) -> Self {
        values.into_iter().collect()
    }
}

impl<T: Element> FromIterator<T> for BitSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().fold(Self::NONE, Self::with)
    }
}

impl<T: Element> Extend<T> for BitSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, values: I) {
        *self = values.into_iter().fold(*self, Self::with);
    }
}

/// Returns the values in either set.
impl<T> BitOr for BitSet<T> {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0, PhantomData)
    }
}

/// Returns the values in both sets.
impl<T> BitAnd for BitSet<T> {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0, PhantomData)
    }
}

/// Returns the values in the first set that are not in the second.
impl<T> Sub for BitSet<T> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0, PhantomData)
    }
}

impl<T: Element + fmt::Debug> fmt::Debug for BitSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(feature = "serde")]
impl<T: Element + serde::Serialize> serde::Serialize for BitSet<T> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

#[cfg(feature = "serde")]
impl<'de, T: Element + serde::Deserialize<'de>> serde::Deserialize<'de> for BitSet<T> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Vec::<T>::deserialize(from)?.into_iter().collect())
    }
}

/// Implements [`Element`] for an enum that lists its variants in `ALL`, in order of declaration.
macro_rules! element {
    ($type:ty $(, default: $default:expr)?) => {
        impl $crate::model::bit_set::private::Sealed for $type {}

        impl $crate::model::bit_set::Element for $type {
            const COUNT: u32 = Self::ALL.len() as u32;
            $(const DEFAULT: u64 = $default;)?

            fn number(self) -> u32 {
                self as u32
            }

            fn with_number(number: u32) -> Self {
                Self::ALL[number as usize]
            }
        }

        const _: () = {
            let mut place = 0;
            while place < <$type>::ALL.len() {
                assert!(<$type>::ALL[place] as usize == place);
                place += 1;
            }
        };
    };
}

pub(super) use element;

#[cfg(test)]
mod tests {
    use crate::model::{PeerClass, PeerClasses, TorrentFlag, TorrentFlags};

    #[test]
    fn a_set_holds_what_was_put_in_and_no_more() {
        let flags = TorrentFlags::NONE.with(TorrentFlag::NoDht).with(TorrentFlag::UploadMode);
        assert_eq!(flags.iter().collect::<Vec<_>>(), [TorrentFlag::UploadMode, TorrentFlag::NoDht]);
        assert_eq!(flags.len(), 2);
        assert_eq!(flags & TorrentFlag::NoDht.into(), TorrentFlags::from(TorrentFlag::NoDht));
        assert_eq!(flags - flags, TorrentFlags::NONE);
        assert_eq!(TorrentFlags::ALL.len(), TorrentFlag::ALL.len());
        assert_eq!(TorrentFlags::ALL.iter().collect::<Vec<_>>(), TorrentFlag::ALL);
        assert_eq!(format!("{flags:?}"), "{UploadMode, NoDht}");
    }

    #[test]
    fn a_number_that_no_value_can_have_is_in_no_set() {
        for number in [32, 63, 64, u32::MAX] {
            assert!(PeerClasses::from(PeerClass::new(number)).is_empty(), "{number}");
            assert!(!PeerClasses::ALL.contains(PeerClass::new(number)), "{number}");
        }
        assert_eq!(PeerClasses::ALL.len(), 32);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_set_in_json_is_a_list() {
        let flags = TorrentFlags::from([TorrentFlag::NoDht, TorrentFlag::Sequential]);
        let json = r#"["sequential","no_dht"]"#;
        assert_eq!(serde_json::to_string(&flags).unwrap(), json);
        assert_eq!(serde_json::from_str::<TorrentFlags>(json).unwrap(), flags);
        assert!(serde_json::from_str::<TorrentFlags>(r#"["fast"]"#).is_err());
    }
}
