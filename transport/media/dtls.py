"""DTLS-SRTP without IO: datagrams in, datagrams out, SRTP keys at the end (RFC 5764)."""

from collections.abc import Mapping

import attrs
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    X509_DIGEST_ALGORITHMS,
    RTCCertificate,
    SRTPProtectionProfile,
    certificate_digest,
)
from OpenSSL import SSL
from pylibsrtp import Session

from actors.errors import GreenroomError
from transport.media.srtp import session

_READ = 1500
FIRST_BYTES = range(20, 64)
"""First bytes of DTLS records among what shares the port (RFC 7983)."""


class HandshakeFailed(GreenroomError):  # noqa: N818  the field's word
    """The other side is not who its description says, or speaks another DTLS."""


class Identity:
    """A worker's certificate with one SSL context for all its peer connections."""

    def __init__(self) -> None:
        self._certificate = RTCCertificate.generateCertificate()
        # GCM with 128 bits is what costs least a packet; the rest are for those who lack it.
        profiles = sorted(SRTP_PROFILES, key=lambda each: b"128_GCM" not in each.openssl_profile)
        self.profiles: list[SRTPProtectionProfile] = profiles
        self.context = self._certificate._create_ssl_context(profiles)  # noqa: SLF001  one for all

    @property
    def fingerprint(self) -> str:
        """The certificate's SHA-256, as in SDP."""
        return next(
            each.value
            for each in self._certificate.getFingerprints()
            if each.algorithm == "sha-256"
        )


@attrs.frozen
class Keys:
    """The SRTP sessions of both directions."""

    inbound: Session
    outbound: Session


class Dtls:
    """One DTLS association.

    :param client: whether this side begins.
    :param fingerprints: the other side's certificate digests by algorithm, from its description.
    """

    def __init__(
        self, identity: Identity, fingerprints: Mapping[str, str], *, client: bool
    ) -> None:
        self._identity = identity
        self._fingerprints = dict(fingerprints)
        self._client = client
        self._ssl = SSL.Connection(identity.context)
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.keys: Keys | None = None
        self.closed = False

    def start(self) -> list[bytes]:
        """Return the first flight; empty for a server."""
        return self._step() if self._client else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """Take a datagram and return those to send.

        :raises HandshakeFailed: it will never be connected.
        """
        self._ssl.bio_write(datagram)
        if self.keys is None:
            return self._step()
        try:
            self._ssl.recv(_READ)
        except SSL.ZeroReturnError:
            self.closed = True
        except SSL.Error:
            pass
        return self._flush()

    def timeout(self) -> float | None:
        """Return the seconds after which :meth:`retransmit` is due; None for never."""
        return self._ssl.DTLSv1_get_timeout() if self.keys is None else None

    def retransmit(self) -> list[bytes]:
        """Return the last flight again, when its time has come."""
        try:
            self._ssl.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise HandshakeFailed("the other side does not answer") from error
        return self._flush()

    def close(self) -> list[bytes]:
        """Say goodbye."""
        if self.keys is not None and not self.closed:
            try:
                self._ssl.shutdown()
            except SSL.Error:
                return []
        self.closed = True
        return self._flush()

    def _step(self) -> list[bytes]:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            return self._flush()
        except SSL.Error as error:
            raise HandshakeFailed("the DTLS handshake failed") from error
        self._verify()
        self.keys = self._export()
        return self._flush()

    def _flush(self) -> list[bytes]:
        out: list[bytes] = []
        while True:
            try:
                data = self._ssl.bio_read(_READ)
            except SSL.Error:
                return out
            out += list(_records(data))

    def _verify(self) -> None:
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        known = {
            name.lower(): value.upper()
            for name, value in self._fingerprints.items()
            if name.lower() in X509_DIGEST_ALGORITHMS
        }
        if certificate is None or not known:
            raise HandshakeFailed("no fingerprint to know the other side by")
        for algorithm, value in known.items():
            if certificate_digest(certificate, algorithm) != value:
                raise HandshakeFailed("the certificate is not the one described")

    def _export(self) -> Keys:
        name = self._ssl.get_selected_srtp_profile()
        profile = next(
            (each for each in self._identity.profiles if each.openssl_profile == name), None
        )
        if profile is None:
            raise HandshakeFailed("no SRTP profile in common")
        size = 2 * (profile.key_length + profile.salt_length)
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", size)
        ours, theirs = (0, 1) if self._client else (1, 0)
        number = profile.libsrtp_profile
        return Keys(
            session(profile.get_key_and_salt(material, theirs), number, inbound=True),
            session(profile.get_key_and_salt(material, ours), number, inbound=False),
        )


_RECORD_HEADER = 13


def _records(data: bytes) -> list[bytes]:
    """Split what a memory BIO has glued together into datagrams that fit an Ethernet frame."""
    out: list[bytes] = []
    current = b""
    while len(data) >= _RECORD_HEADER:
        end = _RECORD_HEADER + int.from_bytes(data[11:13], "big")
        record, data = data[:end], data[end:]
        if current and len(current) + len(record) > 1200:  # noqa: PLR2004  the usual DTLS MTU
            out.append(current)
            current = b""
        current += record
    return [*out, current] if current else out
