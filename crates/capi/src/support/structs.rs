//! Structs that C provides. They grow at their end, so C passes the size that it knows.

use std::mem::MaybeUninit;

use super::arguments::required;
use super::failure::Failure;

/// A struct of the header, without a pointer into the library.
pub(crate) trait Struct: Copy {
    const NAME: &'static str;
    /// The size in the first version of the header, written as the offset and the size of the member
    /// that was its last. A program always has at least these members.
    const FIRST_SIZE: usize;
}

pub(crate) fn check<T: Struct>(out: *mut T, struct_size: usize) -> Result<(), Failure> {
    if out.is_null() {
        return Err(Failure::null("out"));
    }
    check_size::<T>(struct_size)
}

fn check_size<T: Struct>(struct_size: usize) -> Result<(), Failure> {
    if struct_size < T::FIRST_SIZE || !struct_size.is_multiple_of(align_of::<T>()) {
        let message = format!("struct_size is {struct_size}; sizeof({}) is wanted", T::NAME);
        return Err(Failure::invalid(message));
    }
    Ok(())
}

/// # Safety
///
/// `out` is NULL or has space for `struct_size` bytes.
pub(crate) unsafe fn write<T: Struct>(
    known: T,
    out: *mut T,
    struct_size: usize,
) -> Result<(), Failure> {
    check(out, struct_size)?;
    let common = struct_size.min(size_of::<T>());
    // SAFETY: both have space for `common` bytes, and the caller's has `struct_size`.
    unsafe {
        let to = out.cast::<u8>();
        to.copy_from_nonoverlapping((&raw const known).cast(), common);
        to.add(common).write_bytes(0, struct_size - common);
    }
    Ok(())
}

/// A struct for which all bytes form a valid value.
///
/// # Safety
///
/// Every bit pattern must be a valid value.
pub(crate) unsafe trait Plain: Struct {}

/// Reads a struct from C. Members that only a newer header has must be zero.
///
/// # Safety
///
/// `given` is NULL or points to `struct_size` bytes.
pub(crate) unsafe fn take<T: Plain>(
    given: *const T,
    struct_size: usize,
    name: &'static str,
) -> Result<T, Failure> {
    if given.is_null() {
        return Err(Failure::null(name));
    }
    check_size::<T>(struct_size)?;
    if !given.is_aligned() {
        return Err(Failure::invalid(format!("{name} is at {given:?}, which is not aligned")));
    }
    let common = struct_size.min(size_of::<T>());
    let mut known = MaybeUninit::<T>::zeroed();
    // SAFETY: both have `common` bytes, the caller's `struct_size`, and any of them make a value.
    let (known, rest) = unsafe {
        let from = given.cast::<u8>();
        known.as_mut_ptr().cast::<u8>().copy_from_nonoverlapping(from, common);
        let rest = std::slice::from_raw_parts(from.add(common), struct_size - common);
        (known.assume_init(), rest)
    };
    if rest.iter().any(|byte| *byte != 0) {
        let message = format!("{name} has members that this version of the library does not know");
        return Err(Failure::invalid(message));
    }
    Ok(known)
}

/// An array that C provides: its address, the size of one struct, and how many it can hold.
pub(crate) struct Room<T>(pub(crate) *mut T, pub(crate) usize, pub(crate) usize);

/// Writes as many structs as the array can hold.
///
/// # Safety
///
/// The array is NULL or as large as stated.
pub(crate) unsafe fn write_all<T: Struct>(
    all: impl Iterator<Item = T>,
    Room(out, struct_size, capacity): Room<T>,
    written: Option<&mut MaybeUninit<usize>>,
) -> Result<(), Failure> {
    let written = required(written, "written")?;
    check(out, struct_size)?;
    let mut count = 0;
    for one in all.take(capacity) {
        // SAFETY: the caller's array has `capacity` structs of this size.
        unsafe { write(one, out.byte_add(count * struct_size), struct_size) }?;
        count += 1;
    }
    written.write(count);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// A struct whose last member was added later.
    #[repr(C)]
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    struct Grown {
        first: u64,
        added: u64,
    }

    impl Struct for Grown {
        const NAME: &str = "grown";
        const FIRST_SIZE: usize = offset_of!(Self, first) + size_of::<u64>();
    }

    // SAFETY: any bytes make two numbers.
    unsafe impl Plain for Grown {}

    const KNOWN: Grown = Grown { first: 1, added: 2 };
    const UNTOUCHED: u64 = 0x5e5e_5e5e_5e5e_5e5e;

    /// What `write` leaves in an array of a program that states this size.
    fn written(struct_size: usize) -> Option<[u64; 4]> {
        let mut place = [UNTOUCHED; 4];
        // SAFETY: no size is larger than the array.
        unsafe { write(KNOWN, place.as_mut_ptr().cast(), struct_size) }.ok()?;
        Some(place)
    }

    /// What `take` reads of an array with this size.
    fn taken(given: &[u64]) -> Option<Grown> {
        // SAFETY: the size is that of the array.
        unsafe { take(given.as_ptr().cast(), size_of_val(given), "given") }.ok()
    }

    #[test]
    fn an_older_program_gets_the_members_that_it_knows() {
        assert_eq!(written(8), Some([1, UNTOUCHED, UNTOUCHED, UNTOUCHED]));
        assert_eq!(written(16), Some([1, 2, UNTOUCHED, UNTOUCHED]));
    }

    #[test]
    fn a_newer_program_gets_zeros_for_what_this_library_does_not_know() {
        assert_eq!(written(24), Some([1, 2, 0, UNTOUCHED]));
    }

    #[test]
    fn sizes_that_no_version_had_are_refused() {
        for size in [0, 1, 7, 9, 15, 17] {
            assert_eq!(written(size), None, "{size}");
        }
    }

    #[test]
    fn members_that_an_older_program_does_not_pass_are_zero() {
        assert_eq!(taken(&[3]), Some(Grown { first: 3, added: 0 }));
        assert_eq!(taken(&[3, 4]), Some(Grown { first: 3, added: 4 }));
    }

    #[test]
    fn members_that_this_library_does_not_know_must_be_zero() {
        assert_eq!(taken(&[3, 4, 0]), Some(Grown { first: 3, added: 4 }));
        assert_eq!(taken(&[3, 4, 5]), None);
    }

    #[test]
    fn an_array_is_filled_in_steps_of_the_size_of_the_program() {
        let mut place = [UNTOUCHED; 4];
        let mut count = MaybeUninit::uninit();
        let room = Room(place.as_mut_ptr().cast::<Grown>(), 8, 3);
        // SAFETY: there is room for three structs of eight bytes.
        unsafe { write_all([KNOWN; 5].into_iter(), room, Some(&mut count)) }.unwrap();
        assert_eq!(place, [1, 1, 1, UNTOUCHED]);
        // SAFETY: it has succeeded, so it has written the number.
        assert_eq!(unsafe { count.assume_init() }, 3);
    }
}
