"""Claims that the kernel must prove, must never prove, or need not decide; and a second meaning of terms."""
