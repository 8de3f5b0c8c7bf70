// The root of AWS Nitro Enclaves, "aws.nitro-enclaves" G1, as every document of hardware carries it at cabundle[0] and as AWS
// publishes it. It is compiled in because a root that is fetched is a root that whoever controls the network chose.
import { parseBase64 } from '@caisson/core/bytes';

/**
 * Given: SHA-256 of the DER, from AWS's page "Verifying the root of trust". A test holds the bytes below to it; a reader can with
 * `openssl x509 -fingerprint -sha256`.
 */
export const AWS_ROOT_SHA256 = '641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b';

/** DER of the certificate; valid 2019-10-28 to 2049-10-28. A copy each time: a trust anchor is nothing to share and change. */
export function awsRoot(): Uint8Array<ArrayBuffer> {
  return parseBase64(
    'MIICETCCAZagAwIBAgIRAPkxdWgbkK/hHUbMtOTn+FYwCgYIKoZIzj0EAwMwSTELMAkGA1UEBhMCVVMxDzANBgNVBAoMBkFtYXpv' +
      'bjEMMAoGA1UECwwDQVdTMRswGQYDVQQDDBJhd3Mubml0cm8tZW5jbGF2ZXMwHhcNMTkxMDI4MTMyODA1WhcNNDkxMDI4MTQyODA1' +
      'WjBJMQswCQYDVQQGEwJVUzEPMA0GA1UECgwGQW1hem9uMQwwCgYDVQQLDANBV1MxGzAZBgNVBAMMEmF3cy5uaXRyby1lbmNsYXZl' +
      'czB2MBAGByqGSM49AgEGBSuBBAAiA2IABPwCVOumCMHzaHDimtqQvkY4MpJzbolL//Zy2YlES1BR5TSksfbb48C8WBoyt7F2Bw7e' +
      'EtaaP+ohG2bnUs990d0JX28TcPQXCEPZ3BABIeTPYwEoCWZEh8l5YoQwTcU/9KNCMEAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4E' +
      'FgQUkCW1DdkFR+eWw5b6cp3PmanfS5YwDgYDVR0PAQH/BAQDAgGGMAoGCCqGSM49BAMDA2kAMGYCMQCjfy+Rocm9Xue4YnwWmNJV' +
      'A44fA0P5W2OpYow9OYCVRaEevL8uO1XYru5xtMPWrfMCMQCi85sWBbJwKKXdS6BptQFuZbT73o/gBh1qUxl/nNr12UO8Yfwr6wPL' +
      'b+6NIwLz3/Y=',
  );
}
