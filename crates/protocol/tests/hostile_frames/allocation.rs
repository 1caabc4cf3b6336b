//! How much memory a piece of code holds at its peak, counted per thread so that tests may run side by side.

#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; this one only counts and forwards"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What `run` gives, and how much more memory this thread held at some moment of it than at its start.
pub(crate) fn peak_bytes<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let start = HELD.get();
    PEAK.set(start);
    let result = run();
    (
        result,
        usize::try_from(PEAK.get().saturating_sub(start)).unwrap_or(0),
    )
}

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

impl Counting {
    fn add(bytes: isize) {
        let held = HELD.get() + bytes;
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
    }
}

// SAFETY: every call is forwarded unchanged to the system's allocator; counting touches two numbers of the thread that
// need no memory of their own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::add(layout.size() as isize);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        Counting::add(-(layout.size() as isize));
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[test]
fn allocations_are_counted_at_their_peak() {
    let (_, peak) = peak_bytes(|| {
        drop(vec![0u8; 10_000]);
        vec![0u8; 1_000]
    });
    assert!((10_000..11_000).contains(&peak), "{peak}");
}
