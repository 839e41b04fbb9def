//! Comparison in constant time, with the crate `subtle`.
//!
//! The unit tests use a stand-in that counts comparisons. Its results cannot be read, so a branch on
//! one does not compile.

#[cfg(not(test))]
pub(super) use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

#[cfg(test)]
pub(super) use counting::{COMPARED, Choice, ConditionallySelectable, ConstantTimeEq};

#[cfg(test)]
mod counting {
    use std::cell::Cell;
    use std::ops::{BitAnd, BitOr};

    thread_local! {
        /// How many pairs of digests this thread has compared.
        pub(crate) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Clone, Copy)]
    pub(crate) struct Choice(u8);

    impl From<u8> for Choice {
        fn from(bit: u8) -> Self {
            Self(bit)
        }
    }

    impl BitOr for Choice {
        type Output = Self;

        fn bitor(self, other: Self) -> Self {
            Self(self.0 | other.0)
        }
    }

    impl BitAnd for Choice {
        type Output = Self;

        fn bitand(self, other: Self) -> Self {
            Self(self.0 & other.0)
        }
    }

    pub(crate) trait ConstantTimeEq {
        fn ct_eq(&self, other: &Self) -> Choice;
    }

    impl<const N: usize> ConstantTimeEq for [u64; N] {
        fn ct_eq(&self, other: &Self) -> Choice {
            COMPARED.set(COMPARED.get().saturating_add(1));
            Choice(u8::from(self == other))
        }
    }

    impl ConstantTimeEq for u8 {
        fn ct_eq(&self, other: &Self) -> Choice {
            Choice(u8::from(self == other))
        }
    }

    pub(crate) trait ConditionallySelectable {
        fn conditional_assign(&mut self, other: &Self, choice: Choice);
    }

    impl ConditionallySelectable for u8 {
        fn conditional_assign(&mut self, other: &Self, choice: Choice) {
            if choice.0 == 1 {
                *self = *other;
            }
        }
    }
}
