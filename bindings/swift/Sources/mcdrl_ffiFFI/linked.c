// A C target needs a source; the library is linked.
