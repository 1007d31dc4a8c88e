use crate::{Error, Format, model::Parts};
pub(crate) fn load(_bytes: &[u8]) -> Result<Parts, Error> {
    Err(Error::unsupported(Format::Pmml, 1, "this format"))
}
