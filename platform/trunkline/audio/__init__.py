"""PCM, codecs, resampling, playout and the heard-truth ledger."""
