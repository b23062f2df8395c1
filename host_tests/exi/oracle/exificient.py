# SPDX-License-Identifier: MIT
"""EXIficient, the Java EXI codec inside the PyPI package `iso15118`, as an oracle.

It runs in one JVM that py4j reaches; its grammars come straight from the XSDs, not from the ones
built into the jar (those are drafts). Options as V2G agrees on them: schema-informed, bit-packed,
not strict, nothing preserved, no value tables. Its input and output are XML text.

Every call has a time limit: a JVM that does not answer in `_LIMIT_S` raises instead of hanging.
"""

import contextlib
import subprocess

from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway
from py4j.protocol import Py4JJavaError, Py4JNetworkError

from tools import peers

from . import xsd

_LIMIT_S = 30
_JVM = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
_EXI = "com.siemens.ct.exi."


class OracleError(Exception):
    """EXIficient refused what it was given; the text is its own."""


class Exificient:
    """One JVM. Use as a context manager, or call close()."""

    def __init__(self):
        jar = xsd.package() / "shared" / "EXICodec.jar"
        port, token, self._process = launch_gateway(
            classpath=str(jar),
            javaopts=_JVM,
            java_path=peers.get("jre").java() or "java",
            die_on_exit=True,  # the JVM ends when its standard input closes
            enable_auth=True,
            return_proc=True,
        )
        self._gateway = JavaGateway(
            gateway_parameters=GatewayParameters(
                port=port, auth_token=token, read_timeout=_LIMIT_S
            )
        )
        jvm = self._gateway.jvm
        self._java = jvm.java
        self._xml = jvm.javax.xml
        self._input_source = jvm.org.xml.sax.InputSource
        self._exi = jvm.com.siemens.ct.exi
        parsers = self._xml.parsers.SAXParserFactory.newInstance()
        parsers.setNamespaceAware(True)
        self._reader = parsers.newSAXParser().getXMLReader()
        self._factories = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the JVM; kills it when it does not end by itself."""
        with contextlib.suppress(Py4JNetworkError, OSError):
            self._gateway.shutdown()
        self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    def _factory(self, name, fragment):
        key = (name, fragment)
        if key not in self._factories:
            path = str(xsd.folder() / xsd.FILES[name])
            other = self._factories.get((name, not fragment))
            if other is None:
                grammars = self._exi.grammars.GrammarFactory.newInstance().createGrammars(path)
            else:
                grammars = other.getGrammars()
            factory = self._exi.core.helpers.DefaultEXIFactory.newInstance()
            factory.setGrammars(grammars)
            factory.setValuePartitionCapacity(0)
            factory.setFragment(fragment)
            self._factories[key] = factory
        return self._factories[key]

    def encode(self, name, xml, fragment=False):
        """XML text -> EXI bytes by the grammars of the set `name`. Raises OracleError."""
        try:
            result = self._exi.main.api.sax.EXIResult(self._factory(name, fragment))
            out = self._java.io.ByteArrayOutputStream()
            result.setOutputStream(out)
            self._reader.setContentHandler(result.getHandler())
            self._reader.parse(self._input_source(self._java.io.StringReader(xml)))
            return bytes(out.toByteArray())
        except Py4JJavaError as error:
            raise OracleError(str(error.java_exception.toString())) from None

    def decode(self, name, data, fragment=False):
        """EXI bytes -> XML text. Raises OracleError."""
        try:
            source = self._exi.main.api.sax.EXISource(self._factory(name, fragment))
            stream = self._java.io.ByteArrayInputStream(bytes(data))
            source.setInputSource(self._input_source(stream))
            writer = self._java.io.StringWriter()
            result = self._xml.transform.stream.StreamResult(writer)
            self._xml.transform.TransformerFactory.newInstance().newTransformer().transform(
                source, result
            )
            return writer.toString()
        except Py4JJavaError as error:
            raise OracleError(str(error.java_exception.toString())) from None
