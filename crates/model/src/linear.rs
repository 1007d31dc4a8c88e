pub(crate) struct Linear;
impl Linear {
    pub(crate) fn terms(&self) -> usize {
        0
    }
    pub(crate) fn bias(&self) -> &[f64] {
        &[]
    }
    pub(crate) fn score(&self, _values: &[f64], _raw: &mut [f64]) {}
    pub(crate) fn explain(&self, _values: &[f64], _each: impl FnMut(&[f64])) {}
}
