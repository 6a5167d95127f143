"""Messages as a real Envoy 1.40 sent them, in hexadecimal.

Made by ``test_envoy.py``, which says with which filter and which requests: it prints nothing, but
it sends them again and compares, so an Envoy that speaks differently is noticed. The other tests
read these bytes without starting one.
"""

GET = bytes.fromhex(
    "12ca010ac5010a1e0a0a3a617574686f726974791a1073686f702e6578616d706c652e636f6d0a0a0a053a7061"
    "74681a012f0a0e0a073a6d6574686f641a034745540a0f0a073a736368656d651a04687474700a0b0a05616765"
    "6e741a0270630a0d0a06636f6f6b69651a03613d310a0d0a06636f6f6b69651a03623d320a0e0a076261676761"
    "67651a03783d310a140a07626167676167651a096c616e653d6576696c0a0a0a05782d6f62731a01e40a190a11"
    "782d666f727761726465642d70726f746f1a0468747470180142005a00"
)
"""A GET with repeated lines and a byte that is not ASCII; every header is forwarded."""

POST = bytes.fromhex(
    "129e010a9b010a1e0a0a3a617574686f726974791a1073686f702e6578616d706c652e636f6d0a0a0a053a7061"
    "74681a012f0a0f0a073a6d6574686f641a04504f53540a0f0a073a736368656d651a04687474700a1b0a0f6163"
    "636570742d656e636f64696e671a086964656e746974790a130a0e636f6e74656e742d6c656e6774681a01350a"
    "190a11782d666f727761726465642d70726f746f1a046874747042005a0408021001"
)
"""The headers of a POST whose body is going to be sent too: the stream goes on."""

BODY = bytes.fromhex("22090a0568656c6c6f10014200")
"""That POST's body."""
