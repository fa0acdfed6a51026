//! Tables of the objects that have handles.

use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use parking_lot::RwLock;

use super::failure::Failure;

/// A handle, from the lowest bit: 1 (never the address of an object), the type, the index, the
/// generation.
const TYPE_BITS: u32 = 3;
const PLACE_BITS: u32 = usize::BITS * 9 / 16;
const GENERATION_BITS: u32 = usize::BITS - 1 - TYPE_BITS - PLACE_BITS;

/// The objects of one type. `H` is the type of their handles in C.
pub(crate) struct Table<T, H> {
    tag: usize,
    slots: RwLock<Slots<T>>,
    handle: PhantomData<fn() -> H>,
}

struct Slots<T> {
    all: Vec<Slot<T>>,
    free: Vec<usize>,
}

struct Slot<T> {
    generation: usize,
    object: Option<Arc<T>>,
}

impl<T, H> Table<T, H> {
    /// Creates a table. `tag` identifies the type; no two tables have the same.
    pub(crate) const fn new(tag: usize) -> Self {
        assert!(tag < 1 << TYPE_BITS);
        let slots = RwLock::new(Slots { all: Vec::new(), free: Vec::new() });
        Self { tag, slots, handle: PhantomData }
    }

    pub(crate) fn insert(&self, object: T) -> *mut H {
        let mut slots = self.slots.write();
        let place = slots.free.pop().unwrap_or_else(|| {
            slots.all.push(Slot { generation: 0, object: None });
            slots.all.len() - 1
        });
        assert!(place < 1 << PLACE_BITS, "too many objects for the handles");
        let slot = &mut slots.all[place];
        slot.object = Some(Arc::new(object));
        let number = (slot.generation << PLACE_BITS | place) << TYPE_BITS | self.tag;
        ptr::without_provenance_mut(number << 1 | 1)
    }

    /// Returns the object. It lives as long as the caller keeps it, even if it is freed in the
    /// meantime.
    pub(crate) fn get(&self, handle: *mut H, name: &'static str) -> Result<Arc<T>, Failure> {
        let (place, generation) = self.parse(handle, name)?;
        let slots = self.slots.read();
        let slot = slots.all.get(place).filter(|slot| slot.generation == generation);
        slot.and_then(|slot| slot.object.clone()).ok_or_else(|| Failure::bad_handle(name))
    }

    /// Removes and returns the object. The handle is invalid from now on.
    pub(crate) fn remove(&self, handle: *mut H, name: &'static str) -> Result<Arc<T>, Failure> {
        let (place, generation) = self.parse(handle, name)?;
        let mut slots = self.slots.write();
        let slot = slots.all.get_mut(place).filter(|slot| slot.generation == generation);
        let Some((slot, object)) = slot.and_then(|slot| {
            let object = slot.object.take()?;
            Some((slot, object))
        }) else {
            return Err(Failure::bad_handle(name));
        };
        slot.generation = (generation + 1) & ((1 << GENERATION_BITS) - 1);
        slots.free.push(place);
        Ok(object)
    }

    fn parse(&self, handle: *mut H, name: &'static str) -> Result<(usize, usize), Failure> {
        if handle.is_null() {
            return Err(Failure::null(name));
        }
        let number = handle.addr() >> 1;
        let tag = number & ((1 << TYPE_BITS) - 1);
        if handle.addr() & 1 == 0 || tag != self.tag {
            return Err(Failure::bad_handle(name));
        }
        let place = number >> TYPE_BITS & ((1 << PLACE_BITS) - 1);
        Ok((place, number >> TYPE_BITS >> PLACE_BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::super::failure::{PATRON_E_BAD_HANDLE, PATRON_E_NULL};
    use super::*;

    struct Opaque;

    fn code<T>(result: Result<T, Failure>) -> Option<i32> {
        result.err().map(|failure| failure.code())
    }

    #[test]
    fn a_handle_is_valid_until_it_is_freed_and_never_again() {
        let table: Table<&str, Opaque> = Table::new(1);
        let first = table.insert("first");
        assert_eq!(*table.get(first, "it").unwrap(), "first");
        table.remove(first, "it").unwrap();
        assert_eq!(code(table.get(first, "it")), Some(PATRON_E_BAD_HANDLE));
        let second = table.insert("second");
        assert_ne!(first, second, "the place is used again, under another generation");
        assert_eq!(code(table.remove(first, "it")), Some(PATRON_E_BAD_HANDLE));
        assert_eq!(*table.get(second, "it").unwrap(), "second");
    }

    #[test]
    fn handles_of_other_types_are_refused() {
        let table: Table<u8, Opaque> = Table::new(1);
        let other: Table<u8, Opaque> = Table::new(2);
        table.insert(1);
        assert_eq!(code(table.get(other.insert(1), "it")), Some(PATRON_E_BAD_HANDLE));
        assert_eq!(code(table.get(ptr::null_mut(), "it")), Some(PATRON_E_NULL));
        let mut object = Opaque;
        for strange in [&raw mut object, ptr::without_provenance_mut(usize::MAX)] {
            assert_eq!(code(table.get(strange, "it")), Some(PATRON_E_BAD_HANDLE));
        }
    }

    #[test]
    fn an_object_in_use_survives_its_handle() {
        let table: Table<String, Opaque> = Table::new(0);
        let handle = table.insert("in use".into());
        let object = table.get(handle, "it").unwrap();
        table.remove(handle, "it").unwrap();
        assert_eq!(*object, "in use");
    }
}
