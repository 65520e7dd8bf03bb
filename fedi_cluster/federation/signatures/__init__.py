"""Who signed what: keys, digests, HTTP signatures, proofs; pure, it neither fetches a key nor stores one."""
