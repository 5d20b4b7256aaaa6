/* SPDX-License-Identifier: ISC
 *
 * Bouncy Castle, on which CipherMail and mail programs for Android are built: makes messages of every kind that it
 * can, and reads ours.
 *
 *   make FOLDER CONTENT RSA-CERT RSA-KEY EC-CERT EC-KEY   a file each: *.p7m are encrypted, *.p7s signed
 *   open KEY CONTENT FILE...                              "good FILE" where that is what comes out
 *   verify CONTENT FILE...                                "good FILE" where all signatures fit
 * Certificates and keys (PKCS#8) are DER. A kind that cannot be made is told, and ends the program with status 1.
 */
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.interfaces.ECPublicKey;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.List;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.cms.Attribute;
import org.bouncycastle.asn1.cms.AttributeTable;
import org.bouncycastle.asn1.cms.CMSAttributes;
import org.bouncycastle.asn1.cms.CMSObjectIdentifiers;
import org.bouncycastle.asn1.cms.ContentInfo;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaCertStore;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cms.CMSAlgorithm;
import org.bouncycastle.cms.CMSAuthEnvelopedData;
import org.bouncycastle.cms.CMSAuthEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedData;
import org.bouncycastle.cms.CMSEnvelopedDataGenerator;
import org.bouncycastle.cms.CMSEnvelopedDataStreamGenerator;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.RecipientInfoGenerator;
import org.bouncycastle.cms.RecipientInformation;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.SimpleAttributeTableGenerator;
import org.bouncycastle.cms.jcajce.JcaSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.cms.jcajce.JceCMSContentEncryptorBuilder;
import org.bouncycastle.cms.jcajce.JceKEKRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyAgreeEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyAgreeRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JceKeyTransAuthEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransEnvelopedRecipient;
import org.bouncycastle.cms.jcajce.JceKeyTransRecipientInfoGenerator;
import org.bouncycastle.cms.jcajce.JcePasswordRecipientInfoGenerator;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.OutputAEADEncryptor;
import org.bouncycastle.operator.jcajce.JcaAlgorithmParametersConverter;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;

public class Bouncy {
	private static final String BC = "BC";
	private static String folder;
	private static byte[] content;

	/* A generator works once. */
	private interface Recipient {
		RecipientInfoGenerator generator() throws Exception;
	}

	private static X509Certificate certificate(String file) throws Exception {
		return (X509Certificate) CertificateFactory.getInstance("X.509")
			.generateCertificate(new ByteArrayInputStream(Files.readAllBytes(Path.of(file))));
	}

	private static PrivateKey key(String file) throws Exception {
		PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Files.readAllBytes(Path.of(file)));

		try {
			return KeyFactory.getInstance("RSA", BC).generatePrivate(spec);
		} catch (Exception e) {
			return KeyFactory.getInstance("EC", BC).generatePrivate(spec);
		}
	}

	private static void write(String name, byte[] message) throws Exception {
		Files.write(Path.of(folder, name), message);
	}

	/* Whole, and streamed. */
	private static void envelop(String name, ASN1ObjectIdentifier cipher, Recipient... recipients) throws Exception {
		CMSEnvelopedDataGenerator whole = new CMSEnvelopedDataGenerator();
		CMSEnvelopedDataStreamGenerator stream = new CMSEnvelopedDataStreamGenerator();
		ByteArrayOutputStream out = new ByteArrayOutputStream();

		for (Recipient recipient : recipients) {
			whole.addRecipientInfoGenerator(recipient.generator());
			stream.addRecipientInfoGenerator(recipient.generator());
		}
		write(name + ".p7m", whole.generate(new CMSProcessableByteArray(content),
			new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build()).getEncoded());
		try (OutputStream into = stream.open(out, new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build())) {
			into.write(content);
		}
		write(name + "-streamed.p7m", out.toByteArray());
	}

	private static void authenticate(String name, ASN1ObjectIdentifier cipher, boolean attributes, Recipient recipient)
			throws Exception {
		CMSAuthEnvelopedDataGenerator generator = new CMSAuthEnvelopedDataGenerator();

		if (attributes)
			generator.setAuthenticatedAttributeGenerator(new SimpleAttributeTableGenerator(new AttributeTable(
				new Attribute(CMSAttributes.contentType, new DERSet(CMSObjectIdentifiers.data)))));
		generator.addRecipientInfoGenerator(recipient.generator());
		write(name + ".p7m", generator.generate(new CMSProcessableByteArray(content), (OutputAEADEncryptor)
			new JceCMSContentEncryptorBuilder(cipher).setProvider(BC).build()).getEncoded());
	}

	private static Recipient oaep(X509Certificate to, String digest, String mgf, byte[] label) {
		PSource source = label == null ? PSource.PSpecified.DEFAULT : new PSource.PSpecified(label);

		return () -> new JceKeyTransRecipientInfoGenerator(to, new JcaAlgorithmParametersConverter()
			.getAlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP,
				new OAEPParameterSpec(digest, "MGF1", new MGF1ParameterSpec(mgf), source))).setProvider(BC);
	}

	private static Recipient agree(X509Certificate to, ASN1ObjectIdentifier scheme, ASN1ObjectIdentifier wrap, byte[] ukm) {
		return () -> {
			KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", BC);

			pairs.initialize(((ECPublicKey) to.getPublicKey()).getParams());
			KeyPair own = pairs.generateKeyPair();
			JceKeyAgreeRecipientInfoGenerator generator = new JceKeyAgreeRecipientInfoGenerator(scheme, own.getPrivate(),
				own.getPublic(), wrap).setProvider(BC);
			if (ukm != null)
				generator.setUserKeyingMaterial(ukm);
			return generator.addRecipient(to);
		};
	}

	private static void makeToRsa(X509Certificate to) throws Exception {
		Recipient pkcs1 = () -> new JceKeyTransRecipientInfoGenerator(to).setProvider(BC);
		byte[] id = new JcaX509ExtensionUtils().createSubjectKeyIdentifier(to.getPublicKey()).getKeyIdentifier();

		envelop("aes128", CMSAlgorithm.AES128_CBC, pkcs1);
		envelop("aes192", CMSAlgorithm.AES192_CBC, pkcs1);
		envelop("aes256", CMSAlgorithm.AES256_CBC, pkcs1);
		envelop("3des", CMSAlgorithm.DES_EDE3_CBC, pkcs1);
		envelop("refused-camellia", CMSAlgorithm.CAMELLIA256_CBC, pkcs1);
		envelop("refused-seed", CMSAlgorithm.SEED_CBC, pkcs1);
		envelop("refused-idea", CMSAlgorithm.IDEA_CBC, pkcs1);
		envelop("refused-cast5", CMSAlgorithm.CAST5_CBC, pkcs1);
		envelop("refused-rc2", CMSAlgorithm.RC2_CBC, pkcs1);
		envelop("key-identifier", CMSAlgorithm.AES256_CBC,
			() -> new JceKeyTransRecipientInfoGenerator(id, to.getPublicKey()).setProvider(BC));
		envelop("beside-a-password", CMSAlgorithm.AES256_CBC, () -> new JcePasswordRecipientInfoGenerator(
			CMSAlgorithm.AES256_CBC, "secret".toCharArray()).setProvider(BC), pkcs1);
		envelop("beside-a-secret-key", CMSAlgorithm.AES256_CBC, () -> new JceKEKRecipientInfoGenerator(new byte[] {1},
			new SecretKeySpec(new byte[32], "AES")).setProvider(BC), pkcs1);
		for (String digest : List.of("SHA-1", "SHA-256", "SHA-384", "SHA-512"))
			for (String mgf : List.of("SHA-1", "SHA-256")) {
				envelop("oaep-" + digest + "-" + mgf, CMSAlgorithm.AES256_CBC, oaep(to, digest, mgf, null));
				envelop("oaep-" + digest + "-" + mgf + "-label", CMSAlgorithm.AES256_CBC, oaep(to, digest, mgf, new byte[] {1, 2}));
			}
		for (boolean attributes : new boolean[] {false, true}) {
			String suffix = attributes ? "-attributes" : "";

			authenticate("gcm128" + suffix, CMSAlgorithm.AES128_GCM, attributes, pkcs1);
			authenticate("gcm192" + suffix, CMSAlgorithm.AES192_GCM, attributes, pkcs1);
			authenticate("gcm256" + suffix, CMSAlgorithm.AES256_GCM, attributes, pkcs1);
			authenticate("refused-ccm" + suffix, CMSAlgorithm.AES256_CCM, attributes, pkcs1);
		}
	}

	private static void makeToEc(X509Certificate to) throws Exception {
		for (ASN1ObjectIdentifier scheme : List.of(CMSAlgorithm.ECDH_SHA1KDF, CMSAlgorithm.ECDH_SHA224KDF,
				CMSAlgorithm.ECDH_SHA256KDF, CMSAlgorithm.ECDH_SHA384KDF, CMSAlgorithm.ECDH_SHA512KDF,
				CMSAlgorithm.ECCDH_SHA1KDF, CMSAlgorithm.ECCDH_SHA256KDF, CMSAlgorithm.ECCDH_SHA512KDF))
			for (ASN1ObjectIdentifier wrap : List.of(CMSAlgorithm.AES128_WRAP, CMSAlgorithm.AES256_WRAP,
					CMSAlgorithm.DES_EDE3_WRAP)) {
				envelop("ec-" + scheme + "-" + wrap, CMSAlgorithm.AES128_CBC, agree(to, scheme, wrap, null));
				envelop("ec-" + scheme + "-" + wrap + "-ukm", CMSAlgorithm.AES128_CBC, agree(to, scheme, wrap, new byte[8]));
			}
	}

	private static void sign(String verdict, String algorithm, X509Certificate signer, PrivateKey key) throws Exception {
		for (boolean detached : new boolean[] {false, true})
			for (boolean bare : new boolean[] {false, true}) {
				CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
				JcaSignerInfoGeneratorBuilder info = new JcaSignerInfoGeneratorBuilder(
					new JcaDigestCalculatorProviderBuilder().setProvider(BC).build());

				info.setDirectSignature(bare);
				generator.addSignerInfoGenerator(info.build(
					new JcaContentSignerBuilder(algorithm).setProvider(BC).build(key), signer));
				generator.addCertificates(new JcaCertStore(List.of(signer)));
				write(verdict + "-" + algorithm + (bare ? "-bare" : "") + (detached ? "-detached" : "") + ".p7s",
					generator.generate(new CMSProcessableByteArray(content), !detached).getEncoded());
			}
	}

	private static void makeSigned(X509Certificate rsa, PrivateKey rsaKey, X509Certificate ec, PrivateKey ecKey)
			throws Exception {
		for (String digest : List.of("SHA224", "SHA256", "SHA384", "SHA512")) {
			sign("good", digest + "withRSA", rsa, rsaKey);
			sign("good", digest + "withECDSA", ec, ecKey);
		}
		for (String digest : List.of("SHA256", "SHA384", "SHA512"))
			sign("good", digest + "withRSAandMGF1", rsa, rsaKey);
		for (String digest : List.of("MD5", "SHA1"))
			sign("weak", digest + "withRSA", rsa, rsaKey);
		sign("weak", "SHA1withECDSA", ec, ecKey);
		sign("unknown", "SHA3-256withRSA", rsa, rsaKey);
		sign("unknown", "RIPEMD160withRSA", rsa, rsaKey);
		sign("unknown", "SHA3-256withECDSA", ec, ecKey);
	}

	private static byte[] open(RecipientInformation recipient, PrivateKey key, boolean authenticated) throws Exception {
		if (!key.getAlgorithm().equals("RSA"))
			return recipient.getContent(new JceKeyAgreeEnvelopedRecipient(key).setProvider(BC));
		if (authenticated)
			return recipient.getContent(new JceKeyTransAuthEnvelopedRecipient(key).setProvider(BC));
		return recipient.getContent(new JceKeyTransEnvelopedRecipient(key).setProvider(BC));
	}

	private static boolean opens(byte[] message, PrivateKey key) throws Exception {
		boolean authenticated = ContentInfo.getInstance(message).getContentType()
			.equals(CMSObjectIdentifiers.authEnvelopedData);

		for (RecipientInformation recipient : authenticated
				? new CMSAuthEnvelopedData(message).getRecipientInfos()
				: new CMSEnvelopedData(message).getRecipientInfos())
			if (!Arrays.equals(open(recipient, key, authenticated), content))
				return false;
		return true;
	}

	private static boolean verifies(byte[] message) throws Exception {
		CMSSignedData signed = new CMSSignedData(message);

		if (signed.getSignedContent() == null)
			signed = new CMSSignedData(new CMSProcessableByteArray(content), message);
		for (SignerInformation signer : signed.getSignerInfos()) {
			Object certificate = signed.getCertificates().getMatches(signer.getSID()).iterator().next();

			if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(BC)
					.build((X509CertificateHolder) certificate)))
				return false;
		}
		return signed.getSignerInfos().size() == 1;
	}

	public static void main(String[] words) throws Exception {
		int files = words[0].equals("open") ? 3 : 2;

		Security.addProvider(new BouncyCastleProvider());
		content = Files.readAllBytes(Path.of(words[words[0].equals("verify") ? 1 : 2]));
		if (words[0].equals("make")) {
			folder = words[1];
			makeToRsa(certificate(words[3]));
			makeToEc(certificate(words[5]));
			makeSigned(certificate(words[3]), key(words[4]), certificate(words[5]), key(words[6]));
			return;
		}
		for (String file : Arrays.copyOfRange(words, files, words.length)) {
			byte[] message = Files.readAllBytes(Path.of(file));

			if (words[0].equals("open") ? opens(message, key(words[1])) : verifies(message))
				System.out.println("good " + file);
		}
	}
}
