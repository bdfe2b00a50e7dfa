"""Python's PyJWT makes tokens with every algorithm, or checks one.

`make FOLDER`: writes a key set to FOLDER/keys.json, and prints an object with a token for each
algorithm. `check ALGORITHM FILE TOKEN`: prints the claims; the file has a secret or a public key in
PEM."""

import json
import sys
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "0123456789abcdef" * 4


def make(folder):
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = {
        "HS": (SECRET, HMACAlgorithm.to_jwk(SECRET.encode())),
        "RS": (rsa_key, RSAAlgorithm.to_jwk(rsa_key.public_key())),
        "PS": (rsa_key, RSAAlgorithm.to_jwk(rsa_key.public_key())),
    }
    for name, curve in [("ES256", ec.SECP256R1()), ("ES384", ec.SECP384R1()), ("ES512", ec.SECP521R1())]:
        key = ec.generate_private_key(curve)
        keys[name] = (key, ECAlgorithm.to_jwk(key.public_key()))
    ed_key = ed25519.Ed25519PrivateKey.generate()
    keys["EdDSA"] = (ed_key, OKPAlgorithm.to_jwk(ed_key.public_key()))
    claims = {
        "sub": "ann",
        "aud": ["corecast", "other"],
        "iss": "python",
        "iat": int(time.time()),
        "exp": int(time.time()) + 600,
        "info": {"name": "Ann Øst"},
    }
    tokens = {}
    for name, (key, _) in keys.items():
        sizes = [256, 384, 512] if len(name) == 2 else [""]
        for size in sizes:
            algorithm = f"{name}{size}"
            tokens[algorithm] = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": name})
    jwks = [json.loads(jwk) | {"kid": name} for name, (_, jwk) in keys.items()]
    with open(f"{folder}/keys.json", "w", encoding="utf-8") as file:
        json.dump({"keys": jwks}, file)
    print(json.dumps(tokens))


def check(algorithm, file, token):
    with open(file, encoding="utf-8") as opened:
        key = opened.read()
    claims = jwt.decode(token, key, algorithms=[algorithm], audience="corecast", issuer="python")
    print(json.dumps(claims))


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
