# SPDX-License-Identifier: MIT
"""What we offer: numbers of groups and signature schemes, and the profiles made of them."""

GROUPS = {0x0019: "P-521", 0x001E: "X448", 0x0017: "P-256"}
# scheme: kind of key, hash, name
SCHEMES = {
    0x0603: ("P-521", "sha512", "ecdsa_secp521r1_sha512"),
    0x0808: ("Ed448", None, "ed448"),
    0x0403: ("P-256", "sha256", "ecdsa_secp256r1_sha256"),
}
# profile: suites, groups, signature schemes in order of preference, group of the first key share,
# versions
PROFILES = {
    "strict": ((0x1302, 0x1303), (0x0019, 0x001E), (0x0603, 0x0808), 0x0019, (0x0304,)),
    "bench": (
        (0x1302, 0x1303, 0x1301),
        (0x0019, 0x001E, 0x0017),
        (0x0603, 0x0808, 0x0403),
        0x0017,
        (0x0304,),
    ),
}
