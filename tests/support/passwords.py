"""Passwords of tests are hashed as weakly as can be: what it must cost is the product's concern, and has a test of its own."""

import functools

from argon2 import PasswordHasher

from server.services.people import invite_people, reset_passwords, sign_in
from server.services.registers import register

HASHERS = (invite_people, reset_passwords, sign_in, register)
weak_hasher = functools.partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)

for module in HASHERS:
    module.PasswordHasher = weak_hasher
