//! The vector units a processor may have, for which kernels are compiled again.
//!
//! A function compiled for a feature must not run without it: whoever calls one matches on [`Level::kind`], and a
//! [`Level`] is made by [`Level::detect`] alone, which asks the processor first. The results have the same bits on
//! every level: the same operations in the same order, none of them fused.

/// What the processor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level(Kind);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
pub(crate) enum Kind {
    Plain,
    Avx2,
    Avx512,
}

impl Level {
    /// Ask the processor.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") {
            let wider = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("popcnt");
            return Self(if wider { Kind::Avx512 } else { Kind::Avx2 });
        }
        Self(Kind::Plain)
    }

    pub(crate) fn kind(self) -> Kind {
        self.0
    }

    /// Every level this processor has, for tests.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut levels = vec![Self(Kind::Plain)];
        #[cfg(target_arch = "x86_64")]
        {
            if Self::detect().0 != Kind::Plain {
                levels.push(Self(Kind::Avx2));
            }
            levels.push(Self::detect());
        }
        levels
    }
}
