//! Between the coefficients of a polynomial and its values on H, the n-th roots of one, or on the coset gH, where g
//! generates all of the field; n is a power of two, everything lies in the natural order.
//!
//! On processors with AVX-512 IFMA in lanes, for n from 2^6 to 2^22; elsewhere, and for other n, the library's transforms.
//! Both give the same numbers.

#[cfg(target_arch = "x86_64")]
mod eight;
#[cfg(test)]
mod tests;

use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, FftField};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};

/// The transforms of one size.
#[derive(Debug)]
pub struct Transforms {
    subgroup: Radix2EvaluationDomain<Fr>,
    coset: Radix2EvaluationDomain<Fr>,
    #[cfg(target_arch = "x86_64")]
    eight: Option<eight::Eight>,
}

impl Transforms {
    /// For n the power of two from `size` on, or none if the field has no such roots: beyond 2^32.
    #[must_use]
    pub fn new(size: usize) -> Option<Self> {
        let size = Radix2EvaluationDomain::<Fr>::compute_size_of_domain(size)?;
        let subgroup = Radix2EvaluationDomain::new(size)?;
        Some(Self {
            subgroup,
            coset: subgroup.get_coset(Fr::GENERATOR)?,
            #[cfg(target_arch = "x86_64")]
            eight: eight::Eight::new(subgroup.log_size_of_group),
        })
    }

    /// n.
    #[must_use]
    pub fn size(&self) -> usize {
        self.subgroup.size()
    }

    /// From n values on H to coefficients; what is missing of n is zero, what is
    /// beyond it is dropped.
    #[inline]
    pub fn from_subgroup(&mut self, values: &mut Vec<Fr>) {
        values.resize(self.size(), Fr::ZERO);
        #[cfg(target_arch = "x86_64")]
        if let Some(eight) = &mut self.eight {
            return eight.back(&self.subgroup, values);
        }
        self.subgroup.ifft_in_place(values);
    }

    /// From n coefficients to values on gH; what is missing of n is zero, what is
    /// beyond it is dropped.
    #[inline]
    pub fn to_coset(&mut self, coefficients: &mut Vec<Fr>) {
        coefficients.resize(self.size(), Fr::ZERO);
        #[cfg(target_arch = "x86_64")]
        if let Some(eight) = &mut self.eight {
            return eight.forth(&self.coset, coefficients);
        }
        self.coset.fft_in_place(coefficients);
    }

    /// From n values on gH to coefficients; what is missing of n is zero, what is
    /// beyond it is dropped.
    #[inline]
    pub fn from_coset(&mut self, values: &mut Vec<Fr>) {
        values.resize(self.size(), Fr::ZERO);
        #[cfg(target_arch = "x86_64")]
        if let Some(eight) = &mut self.eight {
            return eight.back(&self.coset, values);
        }
        self.coset.ifft_in_place(values);
    }
}
