"""What is stored, looked at again: daily, deeply, and by fsck."""
