// SPDX-License-Identifier: MPL-2.0
//! What str0m is given for SRTP: it wants a provider, and is never told the keys that it would use
//! it with.

use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider,
    SupportedAeadAes128Gcm, SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

#[derive(Debug)]
pub(crate) struct NoSrtp;

fn refused<T>() -> Result<T, CryptoError> {
    Err(CryptoError::Other(
        "SRTP does not pass through str0m".into(),
    ))
}

impl SrtpProvider for NoSrtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &NoSrtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &NoSrtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &NoSrtp
    }

    fn srtp_aes_128_ecb_round(&self, _: &[u8], _: &[u8], _: &mut [u8]) {}

    fn srtp_aes_256_ecb_round(&self, _: &[u8], _: &[u8], _: &mut [u8]) {}
}

impl SupportedAes128CmSha1_80 for NoSrtp {
    fn create_cipher(&self, _: [u8; 16], _: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(NoSrtp)
    }
}

impl SupportedAeadAes128Gcm for NoSrtp {
    fn create_cipher(&self, _: [u8; 16], _: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(NoSrtp)
    }
}

impl SupportedAeadAes256Gcm for NoSrtp {
    fn create_cipher(&self, _: [u8; 32], _: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(NoSrtp)
    }
}

impl Aes128CmSha1_80Cipher for NoSrtp {
    fn encrypt(&mut self, _: &[u8; 16], _: &[u8], _: &mut [u8]) -> Result<(), CryptoError> {
        refused()
    }

    fn decrypt(&mut self, _: &[u8; 16], _: &[u8], _: &mut [u8]) -> Result<(), CryptoError> {
        refused()
    }
}

macro_rules! no_gcm {
    ($cipher:ident) => {
        impl $cipher for NoSrtp {
            fn encrypt(
                &mut self,
                _: &[u8; 12],
                _: &[u8],
                _: &[u8],
                _: &mut [u8],
            ) -> Result<(), CryptoError> {
                refused()
            }

            fn decrypt(
                &mut self,
                _: &[u8; 12],
                _: &[&[u8]],
                _: &[u8],
                _: &mut [u8],
            ) -> Result<usize, CryptoError> {
                refused()
            }
        }
    };
}

no_gcm!(AeadAes128GcmCipher);
no_gcm!(AeadAes256GcmCipher);
