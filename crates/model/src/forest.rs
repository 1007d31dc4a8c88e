pub(crate) struct Forest;
impl Forest {
    pub(crate) fn trees(&self) -> usize { 0 }
    pub(crate) fn leaves(&self) -> usize { 0 }
    pub(crate) fn explains(&self) -> bool { false }
    pub(crate) fn scale(&self) -> f64 { 1.0 }
    pub(crate) fn bias(&self) -> &[f64] { &[] }
    pub(crate) fn score(&self, _values: &[f64], _raw: &mut [f64]) {}
    pub(crate) fn explain(&self, _values: &[f64], _each: impl FnMut(&[f64])) {}
}
