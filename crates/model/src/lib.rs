//! Model files into a few forms, and the kernels that score and explain them.
