//! The C ABI, from outside: the header, the installed library, and programs that people would write.

mod header;
