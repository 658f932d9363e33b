//! Owns the texts by which voices are measured: for each language the first sentence of the Universal Declaration of
//! Human Rights, for some what people say every day, and for languages that are not here the numbers from one to ten.
//! What is changed here changes levels: see `METHOD` in `voices/loudness.rs`.

use piper_acoustic::{PhonemeType, VoiceConfig};

/// What a voice says that espeak-ng calls so, such as `en-gb-x-rp`.
pub fn sample_text(espeak_voice: &str) -> &'static str {
    let language = espeak_voice.split('-').next().unwrap_or_default();
    SAMPLES.iter().find(|(known, _)| *known == language).map_or(NUMBERS, |(_, sample)| sample)
}

/// A word that a voice can say, whatever its language.
pub fn sample_word(config: &VoiceConfig) -> &'static str {
    match config.phoneme_type {
        PhonemeType::Espeak | PhonemeType::Text => "a",
        PhonemeType::Hebrew => "שלום",
        PhonemeType::Pinyin => "你好",
    }
}

const NUMBERS: &str = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10.";

const SAMPLES: [(&str, &str); 53] = [
    ("ar", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق."),
    ("bg", "Всички хора се раждат свободни и равни по достойнство и права."),
    ("bn", "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।"),
    ("ca", "Tots els éssers humans neixen lliures i iguals en dignitat i en drets."),
    ("cmn", "人人生而自由,在尊严和权利上一律平等。"),
    (
        "cs",
        "Všichni lidé se rodí svobodní a sobě rovní co do důstojnosti a práv. Dnes ráno bylo hezky, a tak jsme šli pěšky do přístavu. Počkejte prosím chvíli, hned se vám někdo bude věnovat.",
    ),
    ("cy", "Genir pawb yn rhydd ac yn gydradd â'i gilydd mewn urddas a hawliau."),
    (
        "da",
        "Alle mennesker er født frie og lige i værdighed og rettigheder. Vejret var fint i morges, så vi gik ned til havnen. Vent et øjeblik, der kommer snart nogen og hjælper dig.",
    ),
    (
        "de",
        "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Das Wetter war heute Morgen schön, also gingen wir zum Hafen. Bitte warten Sie einen Augenblick, gleich ist jemand für Sie da.",
    ),
    ("el", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα."),
    (
        "en",
        "All human beings are born free and equal in dignity and rights. The weather was fine this morning, so we walked to the harbour. Please wait a moment, somebody will be with you soon. Everyone has the right to life, liberty and security of person. Turn left behind the bridge, then keep right. It was late, and the old dog slept by the fire while the children read their books. All are equal before the law.",
    ),
    (
        "es",
        "Todos los seres humanos nacen libres e iguales en dignidad y derechos. Esta mañana hacía buen tiempo, así que fuimos andando hasta el puerto. Espere un momento, por favor, enseguida le atenderán.",
    ),
    ("et", "Kõik inimesed sünnivad vabadena ja võrdsetena oma väärikuselt ja õigustelt."),
    ("eu", "Gizon-emakume guztiak aske jaiotzen dira, duintasun eta eskubide berberak dituztela."),
    ("fa", "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند."),
    (
        "fi",
        "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Sää oli tänä aamuna kaunis, joten kävelimme satamaan. Odottakaa hetki, teitä palvellaan pian.",
    ),
    (
        "fr",
        "Tous les êtres humains naissent libres et égaux en dignité et en droits. Il faisait beau ce matin, alors nous sommes allés à pied jusqu'au port. Veuillez patienter un instant, quelqu'un va vous répondre.",
    ),
    ("he", "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם."),
    ("hi", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।"),
    (
        "hu",
        "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Ma reggel szép idő volt, ezért gyalog mentünk a kikötőbe. Kérem, várjon egy pillanatot, mindjárt jön valaki.",
    ),
    ("hy", "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։"),
    ("id", "Semua orang dilahirkan merdeka dan mempunyai martabat dan hak-hak yang sama."),
    ("is", "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum."),
    (
        "it",
        "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Stamattina il tempo era bello, così siamo andati a piedi fino al porto. Attenda un momento, per favore, qualcuno le risponderà presto.",
    ),
    ("ka", "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით."),
    ("kk", "Барлық адамдар тумысынан азат және қадір-қасиеті мен құқықтары тең болып дүниеге келеді."),
    ("ko", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."),
    ("ku", "Hemû mirov azad û di weqar û mafan de wekhev tên dinyayê."),
    ("lb", "All Mënsch kënnt fräi an mat deer selwechter Dignitéit an dene selwechte Rechter op d'Welt."),
    ("lv", "Visi cilvēki piedzimst brīvi un vienlīdzīgi savā pašcieņā un tiesībās."),
    ("ml", "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടും അന്തസ്സോടും സ്വാതന്ത്ര്യത്തോടുംകൂടി ജനിച്ചിട്ടുള്ളവരാണ്."),
    ("mr", "सर्व मानवी व्यक्ति जन्मतःच स्वतंत्र आहेत व त्यांना समान प्रतिष्ठा व समान अधिकार आहेत."),
    (
        "nb",
        "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter. Været var fint i morges, så vi gikk ned til havnen. Vent et øyeblikk, snart kommer noen og hjelper deg.",
    ),
    ("ne", "सबै व्यक्तिहरू जन्मजात स्वतन्त्र हुन् ती सबैको समान अधिकार र महत्व छ।"),
    (
        "nl",
        "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Het was vanmorgen mooi weer, dus we liepen naar de haven. Een ogenblik geduld alstublieft, er komt zo iemand bij u.",
    ),
    (
        "pl",
        "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Dziś rano była ładna pogoda, więc poszliśmy do portu. Proszę chwilę poczekać, zaraz ktoś do pana podejdzie.",
    ),
    (
        "pt",
        "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Esta manhã o tempo estava bom, por isso fomos a pé até ao porto. Espere um momento, por favor, alguém já o vai atender.",
    ),
    (
        "ro",
        "Toate ființele umane se nasc libere și egale în demnitate și în drepturi. Azi dimineață vremea era frumoasă, așa că am mers pe jos până în port. Vă rog să așteptați un moment, cineva vă va răspunde imediat.",
    ),
    (
        "ru",
        "Все люди рождаются свободными и равными в своём достоинстве и правах. Сегодня утром была хорошая погода, и мы пошли пешком в порт. Подождите минуту, пожалуйста, вам скоро ответят.",
    ),
    ("sk", "Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv."),
    ("sl", "Vsi ljudje se rodijo svobodni in imajo enako dostojanstvo in enake pravice."),
    ("sq", "Të gjithë njerëzit lindin të lirë dhe të barabartë në dinjitet dhe në të drejta."),
    ("sr", "Сва људска бића рађају се слободна и једнака у достојанству и правима."),
    (
        "sv",
        "Alla människor är födda fria och lika i värde och rättigheter. Vädret var fint i morse, så vi gick ner till hamnen. Vänta ett ögonblick, snart kommer någon och hjälper dig.",
    ),
    ("sw", "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa."),
    ("te", "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు."),
    (
        "tr",
        "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Bu sabah hava güzeldi, biz de limana kadar yürüdük. Lütfen bir dakika bekleyin, birazdan biri sizinle ilgilenecek.",
    ),
    (
        "uk",
        "Всі люди народжуються вільними і рівними у своїй гідності та правах. Сьогодні вранці була гарна погода, і ми пішли пішки до порту. Зачекайте хвилину, будь ласка, вам скоро відповідять.",
    ),
    ("ur", "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔"),
    ("vi", "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi."),
    ("yue", "人人生而自由,在尊嚴和權利上一律平等。"),
    ("ja", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"),
    ("th", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_has_its_own_text_whatever_its_region_and_others_count() {
        assert!(sample_text("en-gb-x-rp").starts_with("All human beings"));
        assert_eq!(sample_text("pt-br"), sample_text("pt"));
        assert_eq!(sample_text("jbo"), NUMBERS);
    }
}
