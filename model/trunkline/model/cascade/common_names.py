"""Names that many callers have, for grammars: any other can be spelled.

Of names that sound alike the commonest spelling stands here; a caller who spells theirs otherwise
says so.
"""

# ruff: noqa: SIM905 - a list of a thousand names is read as words

from __future__ import annotations

from typing import Final

GIVEN_NAMES: Final = tuple(
    """
james john robert michael william david richard joseph thomas charles christopher daniel matthew
anthony mark donald steven paul andrew joshua kenneth kevin brian george edward ronald timothy
jason jeffrey ryan jacob gary nicholas eric jonathan stephen larry justin scott brandon benjamin
samuel gregory frank alexander raymond patrick jack dennis jerry tyler aaron jose adam henry
nathan douglas zachary peter kyle walter ethan jeremy harold keith christian roger noah gerald
carl terry sean austin arthur lawrence jesse dylan bryan joe jordan billy bruce albert willie
gabriel logan alan juan wayne roy ralph randy eugene vincent russell elijah louis bobby philip
johnny martin simon oliver harry charlie oscar leo max luke owen lucas mason liam evan isaac colin
graham nigel stuart duncan hugh ian neil derek trevor clive barry dominic felix hector ivan victor
marcus maurice miguel carlos luis antonio pedro diego francisco manuel ricardo roberto mario pablo
rafael ahmed mohammed ali omar hassan ibrahim yusuf raj ravi amit sanjay vikram wei hiro kenji
theodore fred ted tom tim jim bob bill mike dave steve chris nick matt dan sam ben alex tony rob
ken greg jeff josh will joel curtis stanley leon mary patricia jennifer linda elizabeth barbara
susan jessica sarah karen lisa nancy betty margaret sandra ashley kimberly emily donna michelle
carol amanda dorothy melissa deborah stephanie rebecca sharon laura cynthia kathleen amy angela
shirley anna brenda pamela emma nicole helen samantha katherine christine debra rachel carolyn
janet catherine maria heather diane ruth julie olivia joyce virginia victoria kelly lauren
christina joan evelyn judith megan andrea cheryl hannah jacqueline martha gloria teresa ann sara
madison frances kathryn janice jean abigail alice julia judy sophia grace denise amber doris
marilyn danielle beverly isabella theresa diana natalie brittany charlotte marie kayla alexis lori
jane kate katie lucy claire fiona heidi holly irene ivy jill josephine june kim leah lily louise
lynn maggie mandy margot mia molly monica naomi nina nora paula peggy penny phoebe polly priya
rita robin rosa rose roxanne ruby sally sheila sonia stella sylvia tara tina tracy ursula vanessa
vera wendy yvonne zoe ella ava chloe daisy eleanor ellen erica esther eva faith florence gemma
georgia harriet hazel ingrid isabel elena fatima aisha leila carmen lucia ana sofia gabriela beth
becky jenny jo liz meg pat sue kathy cindy debbie
""".split()
)

SURNAMES: Final = tuple(
    """
smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez gonzalez
wilson anderson thomas taylor moore jackson martin lee perez thompson white harris sanchez clark
ramirez lewis robinson walker young allen king wright scott torres nguyen hill flores green adams
nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner diaz parker
cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez ortiz morgan cooper
peterson bailey reed kelly howard ramos kim cox ward richardson watson brooks chavez wood james
bennett gray mendoza ruiz hughes price alvarez castillo sanders patel myers ross foster jimenez
powell jenkins perry russell sullivan bell coleman butler henderson barnes fisher vasquez simmons
romero jordan patterson alexander hamilton graham reynolds griffin wallace moreno west cole hayes
bryant herrera gibson ellis tran medina stevens murray ford castro marshall owens harrison
fernandez mcdonald woods washington kennedy wells vargas henry chen freeman webb tucker guzman
burns crawford olson simpson porter hunter gordon mendez silva shaw snyder mason dixon munoz hunt
hicks holmes palmer wagner black robertson boyd stone salazar fox warren mills meyer rice schmidt
garza daniels ferguson nichols stephens soto weaver ryan gardner payne grant dunn kelley spencer
hawkins arnold pierce hansen peters santos hart bradley knight elliott cunningham duncan armstrong
hudson carroll lane riley andrews alvarado ray delgado berry perkins hoffman johnston matthews
pena richards contreras willis carpenter lawrence sandoval guerrero george chapman rios estrada
ortega watkins greene nunez wheeler valdez harper burke larson santiago maldonado morrison
franklin carlson austin dominguez carr lawson jacobs obrien lynch singh vega bishop montgomery
oliver jensen harvey williamson gilbert dean sims espinoza howell wong reid hanson mccoy garrett
burton fuller wang weber welch rojas lucas marquez fields park yang banks padilla walsh bowman
schultz luna fowler mejia davidson acosta brewer holland juarez newman pearson curtis cortez
douglas schneider joseph barrett navarro figueroa keller avila wade molina stanley hopkins campos
barnett bates chambers caldwell beck lambert miranda byrd craig ayala lowe frazier powers neal
leonard gregory carrillo sutton fleming rhodes shelton schwartz norris jennings watts duran
walters cohen mcdaniel moran parks steele vaughn becker holt deleon barker terry hale leon benson
haynes horton miles lyons pham graves bush thornton wolfe warner cabrera mckinney mann zimmerman
dawson lara fletcher page mccarthy robles cervantes solis erickson reeves chang klein salinas
fuentes baldwin daniel simon velasquez hardy higgins aguirre lin cummings chandler sharp barber
bowen ochoa dennis robbins liu ramsey francis griffith paul blair oconnor cardenas pacheco cross
calderon quinn moss swanson chan rivas khan rodgers serrano fitzgerald rosales stevenson
christensen manning gill curry mclaughlin harmon mcgee gross doyle garner newton burgess reese
walton blake trujillo adkins brady goodman roman webster goodwin fischer huang potter delacruz
montoya todd wu hines mullins castaneda malone cannon tate mack sherman hubbard hodges zhang
guerra wolf valencia saunders franco rowe gallagher farmer hammond hampton townsend ingram wise
gallegos clarke barton schroeder maxwell waters logan camacho strickland norman colon parsons
frank harrington glover osborne buchanan casey floyd patton ibarra ball tyler suarez bowers orozco
salas cobb gibbs andrade bauer conner moody escobar mcguire lloyd mueller hartman french kramer
mcbride pope lindsey velazquez norton mccormick sparks flynn yates hogan marsh macias villanueva
zamora pratt stokes owen ballard lang brock villarreal charles drake barrera cain patrick pineda
burnett mercado santana shepherd bautista ali shaffer lamb trevino mckenzie hess olsen cochran
morton nash wilkins petersen briggs shah roth nicholson holloway lozano rangel flowers hoover
arias mora valenzuela bryan meyers weiss underwood bass greer summers houston carson morrow
clayton whitaker decker yoder collier zuniga carey wilcox melendez poole roberson larsen conley
davenport copeland massey lam huff rocha cameron jefferson hood monroe anthony pittman huynh
randall singleton kirk combs mathis christian skinner bradford richard galvan wall boone kirby
wilkinson bridges bruce atkinson velez meza roy vincent york hodge villa abbott allison tapia
gates chase sosa sweeney farrell wyatt dalton horn barron phelps yu dickerson heath foley atkins
mathews bonilla acevedo benitez zavala hensley glenn cisneros harrell shields rubio huffman choi
boyer garrison arroyo bond kane hancock callahan dillon cline wiggins grimes arellano melton
oneill savage ho beltran pitts parrish ponce booth koch ware brennan mcdowell marks cantu humphrey
baxter sawyer clay tanner hutchinson kaur berg wiley gilmore russo villegas hobbs keith wilkerson
ahmed beard mcclain montes mata rosario vang walter henson oneal mosley mcclure beasley stephenson
snow huerta preston vance barry johns eaton blackwell dyer prince macdonald solomon guevara
stafford english hurst woodard cortes shannon kemp nolan mccullough merritt murillo salgado kline
cordova barajas roach rosas winters jacobson lester knox bullock kerr leach meadows davila orr
whitehead pruitt kent conway mckee barr david dejesus marin berger mcintyre blankenship gaines
palacios cuevas bartlett durham dorsey mccall odonnell stein browning stout lowery sloan mclean
hendricks calhoun sexton chung gentry hull duarte ellison nielsen gillespie buck middleton sellers
leblanc esparza hardin bradshaw mcintosh howe livingston frost glass morse knapp herman stark
bravo noble spears weeks corona frederick buckley mcfarland hebert enriquez hickman quintero
randolph schaefer walls trejo reilly pennington michael conrad giles benjamin crosby fitzpatrick
donovan mays mahoney valentine raymond medrano hahn mcmillan bentley felix peck lucero boyle hanna
pace rush hurley harding mcconnell bernal nava ayers everett ventura avery pugh mayer bender
shepard mcmahon landry sampson moses magana blackburn dunlap gould duffy vaughan herring mckay
espinosa rivers farley bernard ashley friedman potts truong costa correa blevins nixon clements
fry delarosa benton lugo portillo dougherty crane haley phan villalobos blanchard horne finley
quintana lynn esquivel bean dodson mullen xiong hayden cano levy huber richmond moyer lim frye
sheppard mccarty avalos booker waller parra woodward jaramillo krueger rasmussen brandt peralta
donaldson stuart faulkner maynard galindo coffey estes sanford burch maddox vo oconnell vu
andersen spence mcpherson church schmitt stanton leal cherry compton dudley pollard alfaro
hester proctor hinton novak madden mccann terrell jarvis dickson reyna cantrell mayo hendrix
rollins rowland whitney duke odom daugherty travis tang archer okafor okoye adeyemi fraser
sinclair barlow birch cartwright chadwick dobson ellwood fairbanks gibbons hargreaves hartley
hewitt holden jarman kendall lockwood naylor nightingale ogden pemberton radcliffe sheldon
thatcher wainwright whittaker winslow
""".split()
)
