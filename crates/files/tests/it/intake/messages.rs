//! Every refusal, with its sentence.
