use crate::{Error, Format, model::Parts};
pub(crate) fn load(_bytes: &[u8]) -> Result<Parts, Error> {
    Err(Error::unsupported(Format::LightGbm, 1, "this format"))
}
